// SPDX-License-Identifier: Apache-2.0
#include "task_pool.h"

#include "lifecycle.h"
#include "table.h"

namespace coro::detail {

TaskPool::~TaskPool() {
  for_each([](const Coroutine& task) { table().give(*task.header); });
}

void TaskPool::take(CoroutineList& tasks, std::size_t count) {
  const std::lock_guard guard(lock_);
  do {
    if (idle_.empty()) {
      if (!tasks.empty()) return;  // more are made when they are needed
      tasks.push_front(carve());
    } else {
      tasks.push_front(*idle_.pop_front());
    }
  } while (--count > 0);
}

void TaskPool::give(CoroutineList& tasks, std::size_t count) noexcept {
  const std::lock_guard guard(lock_);
  while (count-- > 0 && !tasks.empty()) idle_.push_front(*tasks.pop_front());
}

Coroutine& TaskPool::carve() {
  if (carved_ == tasks_per_slab) {
    slabs_.push_back(std::make_unique<Coroutine[]>(tasks_per_slab));
    carved_ = 0;
  }
  Coroutine& task = slabs_.back()[carved_];
  task.header = &table().take();
  task.scheduler = scheduler_;
  task.resume = &resume_task;
  ++carved_;
  return task;
}

// The destructors of one may wake others, and even start some.
void TaskPool::end_all() noexcept {
  while (end_one_round()) {
  }
}

bool TaskPool::end_one_round() noexcept {
  bool any = false;
  for_each([&any](Coroutine& task) {
    if (get(task.header->state) == CORO_STATE_FREE) return;
    end_leftover_task(task);
    any = true;
  });
  return any;
}

}  // namespace coro::detail
