// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "carrier.h"
#include "clock.h"
#include "coro/scheduler.h"
#include "coroutine.h"
#include "deterministic.h"
#include "poller.h"
#include "published_scheduler.h"
#include "stack_pool.h"
#include "task_pool.h"
#include "timers.h"
#include "worker.h"

namespace coro::detail {

// Workers lie in memory that is published and kept.
struct EndWorker {
  void operator()(Worker* worker) const noexcept { worker->~Worker(); }
};
using WorkerPointer = std::unique_ptr<Worker, EndWorker>;

// SchedulerCore is what the workers of one scheduler share.
class SchedulerCore {
 public:
  explicit SchedulerCore(const SchedulerOptions& options);
  // Stops the workers and frees the coroutines that are left.
  ~SchedulerCore();

  // Makes a coroutine runnable, from any thread.
  void make_runnable(Coroutine& coroutine) noexcept;

  // Adds coroutines to the global queue; takes up to a fair share from it.
  void push_global(CoroutineList& coroutines) noexcept;
  CoroutineList take_global(std::size_t most) noexcept;
  [[nodiscard]] bool global_waiting() const noexcept {
    return global_size_.load(std::memory_order_relaxed) != 0;
  }

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

  // Coroutines that were launched and have not exited. Exact once it is stable; zero
  // is exact.
  [[nodiscard]] std::uint64_t live() const noexcept;
  void count_foreign_spawn() noexcept { foreign_spawned_.fetch_add(1, std::memory_order_acq_rel); }
  // Blocks until no coroutine is live.
  void wait_empty();
  void check_empty() noexcept;  // by workers that run out of work

  // Runs the one worker of a scheduler without threads on the calling thread,
  // until `until(argument)` is true. Throws UsageError if another thread does, and
  // Deadlock if the scheduler is deterministic and its coroutines are.
  void run_here(bool (*until)(void*), void* argument);
  [[nodiscard]] bool runs_here() const noexcept { return here_ != nullptr; }

  // Ends the threads; nothing runs after that.
  void stop() noexcept;
  [[nodiscard]] bool requires_empty() const noexcept { return require_empty_; }

  // For coro::blocking: a carrier that waits for a worker, nullptr if no thread
  // can be had; and the way back.
  Carrier* take_spare() noexcept;
  void add_spare(Carrier& carrier) noexcept;

  // Nanoseconds of the clock that timers go by.
  [[nodiscard]] std::uint64_t now() const noexcept {
    return deterministic_ == nullptr ? exact_now() : deterministic_->now;
  }

  // What a deterministic scheduler has besides; nullptr: it is none.
  [[nodiscard]] DeterministicState* deterministic() const noexcept { return deterministic_.get(); }

  // For choices of the runtime that are to be fair, of the running coroutine: the
  // generator is its worker's. A deterministic scheduler has no other.
  [[nodiscard]] static std::uint64_t random() noexcept { return current_worker()->random(); }
  // Below `bound`, which is not 0.
  [[nodiscard]] static std::uint32_t random_below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>(((random() >> 32) * bound) >> 32);
  }

  [[nodiscard]] std::uint64_t deadline_after(std::chrono::nanoseconds duration) const noexcept;
  // Of a coroutine: one that is parked already.
  void arm(TimerEntry& timer) noexcept;

  [[nodiscard]] coro_scheduler& figures() noexcept { return published_.figures(); }
  [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_relaxed); }
  [[nodiscard]] StackPool& stacks() noexcept { return stacks_; }
  [[nodiscard]] TaskPool& tasks() noexcept { return tasks_; }
  [[nodiscard]] Timers& timers() noexcept { return timers_; }
  [[nodiscard]] Poller& poller() noexcept { return poller_; }
  [[nodiscard]] const std::vector<WorkerPointer>& workers() const noexcept { return workers_; }

  std::atomic<bool> poller_taken{false};  // one idle worker sleeps in the poller
  [[nodiscard]] bool alone() const noexcept { return workers_.size() == 1; }

 private:
  [[gnu::noinline]] void make_runnable_from_outside(Coroutine& coroutine) noexcept;
  Worker* pop_idle() noexcept;
  void expire_leftovers() noexcept;
  void free_leftovers() noexcept;

  Carrier& add_carrier();
  void join_carriers() noexcept;

  const bool require_empty_;
  const std::unique_ptr<DeterministicState> deterministic_;
  PublishedScheduler published_;

 public:
  // Workers looking for work.
  std::atomic_ref<std::uint32_t> spinning{published_.figures().spinning};

 private:
  StackPool stacks_;
  TaskPool tasks_{this};
  Timers timers_{published_.figures().timers};
  Poller poller_;

  std::mutex global_mutex_;
  CoroutineList global_;
  std::atomic_ref<std::uint64_t> global_size_{published_.figures().global_length};

  std::mutex idle_mutex_;
  std::vector<Worker*> idle_;
  std::atomic_ref<std::uint32_t> idle_count_{published_.figures().idle};

  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> visitors_{0};  // other threads that are making a fiber runnable
  std::atomic_ref<std::uint64_t> foreign_spawned_{published_.figures().spawned};
  std::mutex empty_mutex_;
  std::condition_variable empty_;
  std::atomic<std::uint32_t> empty_waiters_{0};

  std::vector<WorkerPointer> workers_;
  std::unique_ptr<Carrier> here_;  // of whoever is in run_here(); without threads only
  std::atomic<bool> here_taken_{false};

  std::mutex carriers_mutex_;
  std::vector<Carrier*> spare_;
  std::vector<std::unique_ptr<Carrier>> carriers_;  // last: their threads use the rest
};

}  // namespace coro::detail
