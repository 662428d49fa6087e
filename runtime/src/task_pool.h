// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "coro/detail/spin_lock.h"
#include "coroutine.h"

namespace coro::detail {

// TaskPool owns the tasks of one scheduler: for each a Coroutine, which keeps its
// table slot while it rests here. What else there is of a task is in its frames,
// which are found from the header's saved_sp. Thread-safe; workers keep caches of
// their own in front of it.
class TaskPool {
 public:
  explicit TaskPool(SchedulerCore* scheduler) noexcept : scheduler_(scheduler) {}
  // Every task has to be dead.
  ~TaskPool();
  TaskPool(const TaskPool&) = delete;
  TaskPool& operator=(const TaskPool&) = delete;

  // Moves up to `count` idle tasks to `tasks`, at least one. Throws std::bad_alloc,
  // and std::length_error when the coroutine table is full.
  void take(CoroutineList& tasks, std::size_t count);

  // Takes up to `count` tasks back from `tasks`.
  void give(CoroutineList& tasks, std::size_t count) noexcept;

  // Calls f(Coroutine&) for every task, idle or not.
  template <class F>
  void for_each(F f) {
    for (std::size_t slab = 0; slab < slabs_.size(); ++slab) {
      for (std::size_t i = 0; i < tasks_per_slab; ++i) {
        if (slab + 1 == slabs_.size() && i == carved_) return;
        f(slabs_[slab][i]);
      }
    }
  }

  // Ends the tasks that are left, published as the end of each, and destroys their
  // frames. Nothing runs any more.
  void end_all() noexcept;

 private:
  static constexpr std::size_t tasks_per_slab = 512;

  bool end_one_round() noexcept;
  Coroutine& carve();

  SchedulerCore* scheduler_;
  SpinLock lock_;
  CoroutineList idle_;
  std::vector<std::unique_ptr<Coroutine[]>> slabs_;
  std::size_t carved_ = tasks_per_slab;  // from the last slab
};

// Publishes the end of a task that will not run again, and destroys its frames.
void end_leftover_task(Coroutine& task) noexcept;

// Continues a task: Coroutine::resume of every task.
void resume_task(Coroutine& task) noexcept;

}  // namespace coro::detail
