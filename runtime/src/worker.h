// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "carrier.h"
#include "context.h"
#include "coro/detail/spin_lock.h"
#include "event_ring.h"
#include "fiber.h"
#include "lifecycle.h"
#include "run_queue.h"

namespace coro::detail {

class DeterministicState;
class SchedulerCore;
struct Expired;

// Commit is what a coroutine that goes to sleep leaves to be done once its
// context is saved, when others may wake it: run(argument), which may itself
// unpark it. Without `run`, `argument` is a SpinLock to release.
struct Commit {
  void (*run)(void* argument) noexcept = nullptr;
  void* argument = nullptr;
};

// Worker runs coroutines, one at a time, on the thread of a carrier. All but
// push() and what says so is for that thread.
//
// A fiber that leaves switches straight to the next one if that is a fiber in the
// worker's own queue, else to the loop, run(), on the thread's own stack. What
// is left to do for the one that left is done by whoever comes next: settle().
class Worker {
 public:
  // `alone`: the scheduler has no other.
  Worker(SchedulerCore& scheduler, unsigned index, bool alone) noexcept
      : scheduler_(scheduler),
        alone_(alone),
        random_(std::uint64_t{index} << 32),
        events_(queue_) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs coroutines until the scheduler stops, `until()` is true or the worker
  // was handed to another carrier; false only then.
  bool run(Carrier& carrier, bool (*until)(void*) = nullptr, void* argument = nullptr);

  // Makes a coroutine runnable here.
  void push(Coroutine& coroutine) noexcept {
    if (!queue_.push(coroutine)) [[unlikely]]
      push_overflow(coroutine);
    // With one worker nobody can be idle while we are here.
    if (!alone_) notify_work();
  }

  // An idle fiber of the pool.
  Fiber& take_fiber();
  void give_fiber(Fiber& fiber) noexcept;

  // An idle task.
  Coroutine& take_task();
  void give_task(Coroutine& task) noexcept;

  // Cheap, and good enough to be fair by; see SchedulerCore::random.
  std::uint64_t random() noexcept;

  // Makes the running task, which is suspended, runnable again. False: nobody else
  // would run, so it may go on.
  static bool yield_task(Coroutine& self, const void* saved) noexcept;

  // An identity that no other coroutine of this process ever has.
  std::uint64_t next_id() noexcept;

  [[nodiscard]] Coroutine* current() const noexcept { return current_; }
  [[nodiscard]] SchedulerCore& scheduler() const noexcept { return scheduler_; }
  [[nodiscard]] Carrier& carrier() const noexcept { return *carrier_; }

  // On a fiber's stack: lets others run. Returns when the fiber is run again,
  // perhaps by another worker. Inlined, as all that leads to a switch should be:
  // after one, the processor's return predictor holds the other side's callers,
  // so each `ret` up to the program's own code costs a misprediction.
  static void leave(Fiber& self, Leave why, Commit commit = {}) noexcept;

  // The first thing on a new fiber's stack.
  static void arrive(Fiber& fiber) noexcept;

  // Whether what runs counts as a coroutine, see coro::blocking.
  void set_current(Coroutine* coroutine) noexcept { current_ = coroutine; }

  // Whether the scheduler is deterministic, and then: a scheduling point of the
  // running fiber, which may let others run; before it does something, or looks.
  [[nodiscard]] bool deterministic() const noexcept { return deterministic_; }
  void point(Fiber& self) noexcept;
  void look(Fiber& self) noexcept;
  [[nodiscard]] bool switches_here() noexcept;  // whether to, at this point

  // Has it behave as a deterministic scheduler's; before it runs.
  void make_deterministic(std::uint64_t seed) noexcept {
    deterministic_ = true;
    random_ = seed;
    runs_left_ = 0;  // for good: each switch goes by the loop, each yield asks must_look()
  }

  // Parts the worker from its carrier, whose fiber goes on without it.
  Carrier& detach() noexcept;

  // Any thread: makes an idle worker look for work again, after taking it off
  // the list of idle workers.
  void wake() noexcept;
  [[nodiscard]] bool polling() const noexcept { return polling_.load(std::memory_order_seq_cst); }
  [[nodiscard]] bool queue_empty() const noexcept { return queue_.empty(); }
  [[nodiscard]] std::uint64_t spawned() const noexcept {
    return Figure(const_cast<std::uint64_t&>(queue_.spawned)).load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t exited() const noexcept {
    return Figure(const_cast<std::uint64_t&>(queue_.exited)).load(std::memory_order_acquire);
  }
  [[nodiscard]] EventRing& events() noexcept { return events_; }
  void count_spawn() noexcept { count_released(queue_.spawned); }
  void count_exit() noexcept { count_released(queue_.exited); }

 private:
  using Figure = std::atomic_ref<std::uint64_t>;
  static void count_released(std::uint64_t& figure) noexcept {
    Figure(figure).store(get(figure) + 1, std::memory_order_release);
  }

  void push_overflow(Coroutine& coroutine) noexcept;
  void notify_work() noexcept;
  Coroutine* pop_here() noexcept;
  [[nodiscard]] bool must_look() const noexcept;
  Coroutine* find_runnable(bool (*until)(void*), void* argument);
  Coroutine* find_chosen(bool (*until)(void*), void* argument);
  void collect_runnable(DeterministicState& state);
  bool let_time_pass(DeterministicState& state);
  Coroutine* found(Coroutine* coroutine) noexcept;
  Coroutine* take_global(std::size_t most) noexcept;
  Coroutine* steal() noexcept;
  Coroutine* look_around();
  bool poll_now(bool sockets);
  bool wake_expired(Expired& expired) noexcept;
  void sleep();
  void sleep_polling();
  void sleep_on_futex() noexcept;
  void stop_sleeping() noexcept;
  void begin_spinning() noexcept;
  void stop_spinning() noexcept;
  bool execute(Coroutine& coroutine, Carrier& carrier) noexcept;
  void begin(Coroutine& coroutine) noexcept;
  void settle() noexcept;
  void finish_exit(Fiber& fiber) noexcept;

  RunQueue queue_;  // first: what is published begins with it
  SchedulerCore& scheduler_;
  const bool alone_;
  Coroutine* current_ = nullptr;
  bool deterministic_ = false;
  Fiber* left_ = nullptr;      // the fiber that was left and is not settled
  Commit commit_;              // its
  Coroutine* next_ = nullptr;  // for the loop to run
  Carrier* carrier_ = nullptr;
  ExceptionState* exceptions_ = nullptr;  // the thread's
  std::uint32_t runs_left_ = 1;           // until the global queue and the poller are looked at
  std::uint32_t looks_ = 0;
  std::uint64_t random_ = 0;
  bool spinning_ = false;  // counted in the scheduler's number of spinning workers
  std::vector<Fiber*> pooled_;
  CoroutineList pooled_tasks_;
  std::uint64_t ids_next_ = 0;
  std::uint64_t ids_end_ = 0;
  std::atomic<std::uint32_t> notified_{0};
  std::atomic<bool> polling_{false};
  EventRing events_;  // last: it is large, and unused most of the time
};

// The worker of the calling thread, or nullptr. A fiber may be on another thread
// after each switch, and the compiler must not reuse the address of a thread-local
// variable across one: so it does not see that there is one.
#if defined(__x86_64__)
extern "C" __attribute__((visibility("hidden"))) __thread Worker* coro_this_worker;
inline Worker* current_worker() noexcept {
  Worker* worker = nullptr;
  asm volatile(
      "movq coro_this_worker@gottpoff(%%rip), %0\n\t"
      "movq %%fs:(%0), %0"
      : "=r"(worker)
      :
      : "memory");
  return worker;
}
#else
Worker* current_worker() noexcept;
#endif

// Own figures are written by one thread and read by anybody.
inline void count(std::uint64_t& figure, std::uint64_t more = 1) noexcept {
  put(figure, get(figure) + more);
}

// SplitMix64 (Steele, Lea and Flood, 2014).
inline std::uint64_t Worker::random() noexcept {
  random_ += 0x9e3779b97f4a7c15u;
  std::uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

// For a fiber that leaves: the next one, if nothing else has to be looked at.
[[gnu::always_inline]] inline Coroutine* Worker::pop_here() noexcept {
  if (runs_left_ == 0) return nullptr;
  --runs_left_;
  return queue_.pop(!alone_);
}

// A coroutine is about to run.
[[gnu::always_inline]] inline void Worker::begin(Coroutine& coroutine) noexcept {
  current_ = &coroutine;
  publish_state(*coroutine.header, CORO_STATE_RUNNING);
  put(queue_.running, get(coroutine.header->id));
  count(queue_.dispatches);
}

// A fiber that was left is saved: from here on others may run it.
[[gnu::always_inline]] inline void Worker::settle() noexcept {
  Fiber* left = left_;
  if (left == nullptr) return;
  left_ = nullptr;
  if (left->leave == Leave::park) [[likely]] {
    const Commit commit = commit_;
    publish_saved(*left->header, left->saved_sp, CORO_STATE_PARKED);
    if (commit.run == nullptr) [[likely]] {
      static_cast<SpinLock*>(commit.argument)->unlock();
    } else {
      commit.run(commit.argument);
    }
  } else if (left->leave == Leave::yield) {
    publish_saved(*left->header, left->saved_sp, CORO_STATE_RUNNABLE);
    push(*left);
  } else {
    finish_exit(*left);
  }
}

[[gnu::always_inline]] inline void Worker::leave(Fiber& self, Leave why, Commit commit) noexcept {
  Worker& worker = *current_worker();
  Coroutine* next = worker.pop_here();
  if (next == nullptr && why == Leave::yield && !worker.must_look()) return;
  self.leave = why;
  self.exceptions = *worker.exceptions_;
  worker.left_ = &self;
  worker.commit_ = commit;
  void* to = nullptr;
  SanitizerContext* to_sanitizer = nullptr;
  if (next != nullptr && next->resume == nullptr) [[likely]] {
    auto& fiber = static_cast<Fiber&>(*next);
    worker.begin(fiber);
    *worker.exceptions_ = fiber.exceptions;
    to_sanitizer = &fiber.sanitizer;
    to = fiber.saved_sp;
  } else {
    Carrier& carrier = *worker.carrier_;
    worker.next_ = next;
    to_sanitizer = &carrier.sanitizer;
    to = carrier.saved_sp;
  }
  self.sanitizer.leave_for(*to_sanitizer, why == Leave::exit);
  // One call, so that one place in the program has one parked stack.
  coro_switch(&self.saved_sp, to);
  arrive(self);
}

[[gnu::always_inline]] inline void Worker::arrive(Fiber& fiber) noexcept {
  fiber.sanitizer.arrive();
  current_worker()->settle();
}

}  // namespace coro::detail
