// SPDX-License-Identifier: Apache-2.0
// How a callable becomes a coroutine. Not for use by programs; see go.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace coro {

template <class T>
class Task;

namespace detail {

class Annotation;
struct Fiber;
class SchedulerCore;

struct NewFiber {
  Fiber* fiber;
  void* closure;  // storage for the callable, on the fiber's stack
};

// Takes a fiber from the pool of `scheduler`, or, when that is nullptr, of the
// scheduler that runs the calling coroutine; throws UsageError outside of one.
// Hand the fiber to launch() or abandon().
NewFiber prepare(SchedulerCore* scheduler, std::size_t size, std::size_t alignment);

// Publishes the coroutine and makes it runnable; returns its id. The stack recorded
// as its spawn stack begins with the caller of this function. It begins with
// `annotation`, whose reference it takes over; nullptr: with what it inherits.
std::uint64_t launch(Fiber* fiber, void (*run)(void*), const void* entry,
                     Annotation* annotation) noexcept;

void abandon(Fiber* fiber) noexcept;

// Runs and destroys the callable, on the coroutine's stack.
template <class Function>
void run_closure(void* closure) {
  struct Destroy {
    Function* function;
    ~Destroy() { std::destroy_at(function); }
  } const destroy{static_cast<Function*>(closure)};
  static_cast<void>((*destroy.function)());
}

template <class Function>
const void* entry_address(const Function& function) noexcept {
  if constexpr (std::is_pointer_v<Function>) {
    return reinterpret_cast<const void*>(function);
  } else {
    return reinterpret_cast<const void*>(&run_closure<Function>);
  }
}

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

// A callable that gives a task.
template <class F>
inline constexpr bool makes_task = false;
template <class F>
requires std::is_invocable_v<F&>
inline constexpr bool makes_task<F> = is_task<std::invoke_result_t<F&>>;

// In coro/task.h, as whoever has a task has.
template <class T>
std::uint64_t spawn_task(SchedulerCore* scheduler, Task<T>&& task,
                         Annotation* annotation = nullptr);
template <class T>
T run_task(SchedulerCore& scheduler, Task<T>&& task);
template <class Function>
Task<void> call_in_task(Function function);

// Inlined into the caller, so that the innermost frame of the spawn stack is the
// program's own function. `annotation` as for launch(); not taken over if it throws.
// `entry`: what the coroutine runs, nullptr: the callable.
template <class F>
[[gnu::always_inline]] inline std::uint64_t spawn_fiber(SchedulerCore* scheduler, F&& function,
                                                        Annotation* annotation = nullptr,
                                                        const void* entry = nullptr) {
  using Function = std::decay_t<F>;
  static_assert(std::is_invocable_v<Function&>, "coro::go takes a callable without parameters");
  static_assert(sizeof(Function) <= 4096,
                "the captures live on the coroutine's stack: keep them small");
  const NewFiber prepared = prepare(scheduler, sizeof(Function), alignof(Function));
  const Function* closure = nullptr;
  if constexpr (std::is_nothrow_constructible_v<Function, F&&>) {
    closure = ::new (prepared.closure) Function(std::forward<F>(function));
  } else {
    try {
      closure = ::new (prepared.closure) Function(std::forward<F>(function));
    } catch (...) {
      abandon(prepared.fiber);
      throw;
    }
  }
  if (entry == nullptr) entry = entry_address<Function>(*closure);
  const std::uint64_t id = launch(prepared.fiber, &run_closure<Function>, entry, annotation);
  // Keeps the call above from becoming a jump, which would drop this frame.
  asm volatile("" ::: "memory");
  return id;
}

// The same for a callable, a task, or a callable that gives a task.
template <class F>
[[gnu::always_inline]] inline void spawn(SchedulerCore* scheduler, F&& function) {
  using Function = std::decay_t<F>;
  if constexpr (is_task<Function>) {
    static_assert(!std::is_lvalue_reference_v<F>, "a task runs once: coro::go(std::move(task))");
    spawn_task(scheduler, std::move(function));
  } else if constexpr (makes_task<Function>) {
    spawn_task(scheduler, call_in_task<Function>(std::forward<F>(function)));
  } else {
    spawn_fiber(scheduler, std::forward<F>(function));
  }
}

}  // namespace detail
}  // namespace coro
