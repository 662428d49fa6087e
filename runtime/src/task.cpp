// SPDX-License-Identifier: Apache-2.0
// Tasks as coroutines of the scheduler: how one starts, continues and ends.
#include "coro/task.h"

#include <utility>

#include "coro/error.h"
#include "coro/go.h"
#include "depot.h"
#include "deterministic.h"
#include "lifecycle.h"
#include "park.h"
#include "scheduler_core.h"
#include "spawn.h"
#include "task_pool.h"

namespace coro::detail {
namespace {

// What the frame that has just returned leaves to be done on this thread. Tasks
// wait by returning, so they never change threads in between.
struct AfterReturn {
  std::coroutine_handle<> next;   // to be continued
  std::coroutine_handle<> ended;  // the outermost frame of a task that ended
};
__attribute__((tls_model("initial-exec"))) thread_local AfterReturn after_return;

coro_await* innermost_of(const Coroutine& task) noexcept {
  return reinterpret_cast<coro_await*>(get(task.header->saved_sp));
}

Coroutine& take_one(SchedulerCore& scheduler) {
  CoroutineList one;
  scheduler.tasks().take(one, 1);
  return *one.pop_front();
}

// Where the frame continues: its first word, in every compiler's frames.
std::uint64_t resume_address(PromiseBase& promise) noexcept {
  const void* frame = std::coroutine_handle<PromiseBase>::from_promise(promise).address();
  return *static_cast<const std::uint64_t*>(frame);
}

void finish(Coroutine& task, std::coroutine_handle<> outermost) noexcept {
  outermost.destroy();  // the parameters' destructors are part of the coroutine
  publish_exiting(*task.header);
  publish_free(*task.header);
  Worker& worker = *current_worker();
  worker.give_task(task);
  worker.count_exit();
}

}  // namespace

void throw_empty_task() {
  throw UsageError(
      "coro: an empty coro::Task was awaited or started: it was moved from, or has run already");
}

void throw_bad_frame() {
  throw UsageError(
      "coro: this compiler (GCC before 12.3, bug 106188) lays out wrongly the frame of a task that "
      "awaits in a condition, as in `if (co_await f())`, and declares no variable in its outermost "
      "block: declare one, say for the result");
}

RunningTask running_task() noexcept {
  const Worker& worker = *current_worker();
  return {.coroutine = worker.current(), .deterministic = worker.deterministic()};
}

void continue_with(std::coroutine_handle<> next) noexcept {
  after_return.next = next;
}

void end_task(std::coroutine_handle<> frame) noexcept {
  after_return.ended = frame;
}

// Once a frame has returned, the task may have been woken and even ended by
// somebody else, unless after_return says otherwise.
void resume_task(Coroutine& task) noexcept {
  std::coroutine_handle<> next = frame_of(innermost_of(task));
  do {
    next.resume();
    next = std::exchange(after_return.next, nullptr);
  } while (next);
  if (after_return.ended) finish(task, std::exchange(after_return.ended, nullptr));
}

// From the inside out, and each for itself: a frame's destructor would go from the
// outside in, and need a stack as deep as the chain.
void end_leftover_task(Coroutine& task) noexcept {
  if (get(task.header->state) == CORO_STATE_PARKED) publish_unpark(*task.header, 0);
  publish_exiting(*task.header);
  for (coro_await* link = innermost_of(task); link != nullptr;) {
    const std::coroutine_handle<PromiseBase> frame = frame_of(link);
    link = frame.promise().caller();
    frame.promise().disown();
    frame.destroy();
  }
  publish_free(*task.header);
}

__attribute__((noinline)) std::uint64_t launch_task(SchedulerCore* scheduler,
                                                    PromiseBase& outermost,
                                                    Annotation* annotation) {
  Coroutine* parent = current_coroutine();
  Worker* worker = current_worker();
  if (scheduler == nullptr) scheduler = &spawning_scheduler(worker);
  if (worker != nullptr && &worker->scheduler() != scheduler) worker = nullptr;
  Coroutine& task = worker != nullptr ? worker->take_task() : take_one(*scheduler);
  WalkedStack stack;
  walk_running(__builtin_frame_address(0), parent, stack);

  SpawnRecord record{};
  record.id = worker != nullptr ? worker->next_id() : claim_ids(1);
  record.parent_id = parent != nullptr ? get(parent->header->id) : 0;
  record.stack_id = depot().intern(stack);
  record.entry = resume_address(outermost);
  record.kind = CORO_KIND_TASK;
  record.saved_sp = reinterpret_cast<std::uint64_t>(&outermost.link());
  record.annotation = first_annotation(parent != nullptr ? parent->header : nullptr, annotation);
  worker != nullptr ? worker->count_spawn() : scheduler->count_foreign_spawn();
  publish_spawn(*task.header, record);
  scheduler->make_runnable(task);
  scheduling_point();
  return record.id;
}

}  // namespace coro::detail
