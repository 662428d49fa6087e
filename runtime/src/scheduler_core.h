// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "coro/scheduler.h"
#include "fiber.h"
#include "poller.h"
#include "stack_pool.h"
#include "timers.h"
#include "worker.h"

namespace coro::detail {

// SchedulerCore is what the workers of one scheduler share.
class SchedulerCore {
 public:
  explicit SchedulerCore(const SchedulerOptions& options);
  // Stops the workers and frees the coroutines that are left.
  ~SchedulerCore();

  // Makes a fiber runnable, from any thread.
  void make_runnable(Fiber& fiber) noexcept;

  // Adds fibers to the global queue; takes up to a fair share from it.
  void push_global(FiberList& fibers) noexcept;
  FiberList take_global(std::size_t most) noexcept;

  // Wakes an idle worker if there is one and nobody is looking for work already.
  // To be called after work was queued.
  void notify_work() noexcept;

  // The list of idle workers.
  void add_idle(Worker& worker);
  bool remove_idle(Worker& worker) noexcept;  // false: somebody else took it off
  [[nodiscard]] bool work_visible() const noexcept;
  [[nodiscard]] unsigned idle() const noexcept {
    return idle_count_.load(std::memory_order_seq_cst);
  }

  // Fibers that were launched and have not exited. Exact once it is stable; zero
  // is exact.
  [[nodiscard]] std::uint64_t live() const noexcept;
  void count_foreign_spawn() noexcept { foreign_spawned_.fetch_add(1, std::memory_order_acq_rel); }
  // Blocks until no fiber is live.
  void wait_empty();
  void check_empty() noexcept;  // by workers that run out of work

  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
  [[nodiscard]] StackPool& stacks() noexcept { return stacks_; }
  [[nodiscard]] Timers& timers() noexcept { return timers_; }
  [[nodiscard]] Poller& poller() noexcept { return poller_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const noexcept {
    return workers_;
  }

  std::atomic<std::uint32_t> spinning{0};  // workers looking for work
  std::atomic<bool> poller_taken{false};   // one idle worker sleeps in the poller
  [[nodiscard]] bool alone() const noexcept { return workers_.size() == 1; }

 private:
  [[gnu::noinline]] void make_runnable_from_outside(Fiber& fiber) noexcept;
  Worker* pop_idle() noexcept;
  void stop() noexcept;
  void free_leftovers() noexcept;

  const bool require_empty_;
  StackPool stacks_;
  Timers timers_;
  Poller poller_;

  std::mutex global_mutex_;
  FiberList global_;
  std::atomic<std::size_t> global_size_{0};

  std::mutex idle_mutex_;
  std::vector<Worker*> idle_;
  std::atomic<std::uint32_t> idle_count_{0};

  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> visitors_{0};  // other threads that are making a fiber runnable
  std::atomic<std::uint64_t> foreign_spawned_{0};
  std::mutex empty_mutex_;
  std::condition_variable empty_;
  std::atomic<std::uint32_t> empty_waiters_{0};

  std::vector<std::unique_ptr<Worker>> workers_;  // last: their threads use the rest
};

}  // namespace coro::detail
