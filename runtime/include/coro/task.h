// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "coro/detail/join_point.h"
#include "coro/detail/promise.h"
#include "coro/scheduler.h"

namespace coro {

// Task<T> is a C++20 coroutine that gives a T (void, a value or a reference). It
// has no stack, so it is small: some hundred bytes, where a fiber has pages.
//
//   coro::Task<int> answer(coro::Channel<int> questions) {
//     co_await coro::async_sleep_for(1ms);
//     co_return (co_await questions.async_receive()).value();
//   }
//
// Calling the function makes the task; nothing of it runs until
// - another task awaits it: co_await answer(c) runs it there and then, as a call
//   would, and gives what it returns or throws what it throws; or
// - it is started as a coroutine of its own: coro::go(answer(c)), Scheduler::go,
//   or, for its result, Scheduler::run(answer(c)).
// It runs once: awaiting or starting it takes it by std::move. Destroying one that
// was not awaited frees it. Chains of tasks may be as deep as memory allows.
//
// In a task, wait by what is called async_...: the calls that block a fiber throw
// UsageError, and co_await of anything else does not compile.
//
// A fiber waits for a task by coro::wait(task), a task for a fiber by co_await
// coro::async_fiber(f), see async_fiber.h.
//
// As in every C++20 coroutine, parameters that are references, and the captures of
// a lambda that is one, have to live as long as the task. Only coro::go(f) and
// Scheduler::go(f), where calling f() gives a task, keep f itself alive: they call
// it in the new coroutine.
//
// Tasks that are left when their scheduler ends are destroyed, innermost frame
// first, on the thread that ends it: what their locals and waits refer to has to
// outlive the scheduler, and their destructors must not wait or call coro::go.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;

  // No task; to await or start it throws UsageError.
  Task() noexcept = default;
  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    Task old(std::exchange(frame_, std::exchange(other.frame_, nullptr)));
    return *this;
  }
  ~Task() {
    if (frame_) frame_.destroy();
  }

  // Whether there is a task to await or start.
  explicit operator bool() const noexcept { return static_cast<bool>(frame_); }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  friend promise_type;
  friend class detail::PromiseBase;
  template <class U>
  friend std::uint64_t detail::spawn_task(detail::SchedulerCore* scheduler, Task<U>&& task,
                                          detail::Annotation* annotation);

  explicit Task(Handle frame) noexcept : frame_(frame) {}

  Handle frame_;
};

namespace detail {

template <class T>
inline Task<T> Promise<T>::get_return_object() {
  return Task<T>(new_frame(*this));
}
template <class T>
inline Task<T&> Promise<T&>::get_return_object() {
  return Task<T&>(new_frame(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(new_frame(*this));
}

template <class T>
inline TaskAwaiter<T> PromiseBase::await_transform(Task<T>&& task, const void* place) {
  if (!task) throw_empty_task();
  awaits_at(place);
  return TaskAwaiter<T>(std::exchange(task.frame_, nullptr));
}

// As launch(); the coroutine then owns the frame. Throws what prepare() throws, and
// nothing is taken over then.
std::uint64_t launch_task(SchedulerCore* scheduler, PromiseBase& outermost, Annotation* annotation);

template <class T>
[[gnu::always_inline]] inline std::uint64_t spawn_task(SchedulerCore* scheduler, Task<T>&& task,
                                                       Annotation* annotation) {
  if (!task) throw_empty_task();
  const std::uint64_t id = launch_task(scheduler, task.frame_.promise(), annotation);
  task.frame_ = nullptr;
  return id;
}

// Keeps the callable as long as its task.
template <class Function>
Task<void> call_in_task(Function function) {
  static_cast<void>(co_await function());
}

// Runs the task, keeps its outcome, and tells whoever waits.
template <class T, class Point>
Task<void> run_for(Task<T> task, TaskResult<T>& result, Point& point) {
  point.begin();
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
    } else if constexpr (std::is_reference_v<T>) {
      result.value = &co_await std::move(task);
    } else {
      result.value.emplace(co_await std::move(task));
    }
  } catch (...) {
    result.error = std::current_exception();
  }
  point.end();
}

struct CompletionPoint : Completion {
  static void begin() noexcept {}
  void end() noexcept { set(nullptr); }
};

template <class T>
[[gnu::always_inline]] inline T run_task(SchedulerCore& scheduler, Task<T>&& task) {
  require_outside("coro::Scheduler::run");
  if (!task) throw_empty_task();
  CompletionPoint completion;
  TaskResult<T> result;
  spawn_task(&scheduler, run_for(std::move(task), result, completion));
  completion.wait(scheduler);
  return take<T>(result);
}

}  // namespace detail

// wait starts the task as a coroutine of its own, as coro::go does, and waits for
// its end, in a fiber: returns what it returns and throws what it throws. Throws
// UsageError elsewhere: in a task, co_await it.
template <class T>
[[gnu::always_inline]] inline T wait(Task<T> task) {
  detail::require_fiber();
  if (!task) detail::throw_empty_task();
  detail::JoinPoint point;
  detail::TaskResult<T> result;
  detail::spawn_task(nullptr, detail::run_for(std::move(task), result, point));
  point.wait();
  return detail::take<T>(result);
}

}  // namespace coro
