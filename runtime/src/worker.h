// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "context.h"
#include "fiber.h"
#include "run_queue.h"

namespace coro::detail {

class SchedulerCore;

// Worker is a thread that runs fibers. All but push() and what says so is for
// its own thread.
class Worker {
 public:
  Worker(SchedulerCore& scheduler, unsigned index) : scheduler_(scheduler), index_(index) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  // Runs fibers until the scheduler stops.
  void run();

  // Makes a fiber runnable here.
  void push(Fiber& fiber) noexcept;

  // An idle fiber of the pool.
  Fiber& take_fiber();
  void give_fiber(Fiber& fiber) noexcept;

  // An identity that no other coroutine of this process ever has.
  std::uint64_t next_id() noexcept;

  [[nodiscard]] Fiber* current() const noexcept { return current_; }
  [[nodiscard]] SchedulerCore& scheduler() const noexcept { return scheduler_; }

  // On a fiber's stack: gives control back to the worker that runs it. Returns
  // when the fiber is run again, perhaps by another worker. Inlined, as all that
  // leads to a switch should be: after one, the processor's return predictor
  // holds the other side's callers, so each `ret` up to the program's own code
  // costs a misprediction.
  static void leave(Fiber& fiber, Leave why) noexcept;

  // The first thing on a new fiber's stack.
  static void arrive(Fiber& fiber) noexcept;

  // Any thread: makes an idle worker look for work again, after taking it off
  // the list of idle workers.
  void wake() noexcept;
  [[nodiscard]] bool polling() const noexcept { return polling_.load(std::memory_order_seq_cst); }
  [[nodiscard]] bool queue_empty() const noexcept { return queue_.empty(); }
  [[nodiscard]] std::uint64_t spawned() const noexcept {
    return spawned_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t exited() const noexcept {
    return exited_.load(std::memory_order_acquire);
  }
  void count_spawn() noexcept {
    spawned_.store(spawned_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

 private:
  Fiber* find_runnable();
  Fiber* found(Fiber* fiber) noexcept;
  Fiber* take_global(std::size_t most) noexcept;
  Fiber* steal() noexcept;
  bool poll_now();
  void sleep();
  void sleep_polling();
  void sleep_on_futex() noexcept;
  void stop_sleeping() noexcept;
  void begin_spinning() noexcept;
  void execute(Fiber& fiber) noexcept;
  void finish_park(Fiber& fiber) noexcept;
  void finish_exit(Fiber& fiber) noexcept;

  SchedulerCore& scheduler_;
  const unsigned index_;
  Fiber* current_ = nullptr;
  void* saved_sp_ = nullptr;
  ExceptionState* exceptions_ = nullptr;  // the thread's
  SanitizerContext sanitizer_;
  std::uint32_t tick_ = 0;
  std::uint32_t random_ = 0;
  bool spinning_ = false;  // counted in the scheduler's number of spinning workers
  FiberList pooled_;
  std::uint64_t ids_next_ = 0;
  std::uint64_t ids_end_ = 0;
  std::atomic<std::uint64_t> spawned_{0};
  std::atomic<std::uint64_t> exited_{0};
  RunQueue queue_;
  std::atomic<std::uint32_t> notified_{0};
  std::atomic<bool> polling_{false};
  std::thread thread_;
};

// The worker of the calling thread, or nullptr. Never inlined: a fiber may be on
// another thread after each switch, and the compiler must not reuse the address
// of a thread-local variable across one.
Worker* current_worker() noexcept;

[[gnu::always_inline]] inline void Worker::leave(Fiber& fiber, Leave why) noexcept {
  fiber.leave = why;
  Worker& worker = *current_worker();
  fiber.sanitizer.leave_for(worker.sanitizer_, why == Leave::exit);
  coro_switch(&fiber.saved_sp, worker.saved_sp_);
  fiber.sanitizer.arrive();
}

}  // namespace coro::detail
