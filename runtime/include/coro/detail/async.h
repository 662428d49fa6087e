// SPDX-License-Identifier: Apache-2.0
// What a co_await in a coro::Task is built from. Not for use by programs.
//
// To add an async form, async_wait(), of a call that blocks a fiber:
//
//   class [[nodiscard]] AsyncWait : public AsyncForm, Waiter {  // header
//    public:
//     ~AsyncWait();  // if (listed): lock, remove from the list, publish, unlock. It is then
//                    // destroyed in its wait; one that was woken is listed no more
//     bool suspend(SuspendedTask self) noexcept;
//     Result await_resume();  // what the blocking form returns and throws
//   };
//   bool AsyncWait::suspend(SuspendedTask self) noexcept {  // .cpp, never inline
//     object_.lock_.lock();
//     try; if it need not wait: unlock and return false
//     coroutine = self.coroutine; push *this to the list; publish the counts
//     park_task(self, CORO_REASON_..., &object_);  // park.h
//     object_.lock_.unlock();  // from here on the task may run, and *this be gone
//     return true;
//   }
#pragma once

#include <bit>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <version>
#if defined(__cpp_lib_source_location)
#include <source_location>
#endif

#include "coro/abi.h"

namespace coro::detail {

struct Coroutine;

// SuspendedTask is a task as suspend() finds it: the coroutine to wake, and where
// its published chain of co_awaits begins.
struct SuspendedTask {
  Coroutine* coroutine;
  const coro_await* innermost;
};

// The task that the calling thread runs, and whether its scheduler is deterministic.
struct RunningTask {
  Coroutine* coroutine;
  bool deterministic;
};
RunningTask running_task() noexcept;

// A scheduling point of a deterministic scheduler. True: others run first, and
// then suspend(form, self).
bool postpone(SuspendedTask self, bool (*suspend)(void* form, SuspendedTask self) noexcept,
              void* form) noexcept;

// The place of a co_await, as the default argument of a parameter: the address of
// what the compiler made for std::source_location; nullptr if it makes none. (A
// std::source_location itself would take 8 bytes of every frame.)
#if defined(__cpp_lib_source_location)
#define CORO_AWAIT_PLACE __builtin_source_location()

// libstdc++ and libc++ lay that out as struct coro_location is; looked at, once, and
// not believed.
inline bool look_at_place() noexcept {
  const std::source_location here = std::source_location::current();
  static_assert(sizeof here == sizeof(const coro_location*));
  const auto* place = std::bit_cast<const coro_location*>(here);
  return place != nullptr && place->line == here.line() && place->column == here.column() &&
         place->file == reinterpret_cast<std::uint64_t>(here.file_name()) &&
         place->function == reinterpret_cast<std::uint64_t>(here.function_name());
}
inline const bool places_are_known = look_at_place();
#else
#define CORO_AWAIT_PLACE nullptr
inline constexpr bool places_are_known = false;
#endif

// PromiseBase is the part of a task's promise that does not depend on its result:
// its link in the published chain comes first, and from it all else is found.
class PromiseBase;

// The coroutine that a link of the chain belongs to.
std::coroutine_handle<PromiseBase> frame_of(coro_await* link) noexcept;

// Base of all async forms. Each is a temporary of the co_await expression.
class AsyncForm {
 public:
  AsyncForm() = default;
  AsyncForm(const AsyncForm&) = delete;
  AsyncForm& operator=(const AsyncForm&) = delete;

  // Whether a deterministic scheduler may let others run before it.
  static constexpr bool is_scheduling_point = true;
};

// FormAwaiter awaits an async form where it is. (GCC 12 would copy an awaiter that
// await_transform returned by reference.)
template <class Form>
class [[nodiscard]] FormAwaiter {
 public:
  explicit FormAwaiter(Form& form) noexcept : form_(form) {}

  [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }

  template <std::derived_from<PromiseBase> Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
    const RunningTask running = running_task();
    const SuspendedTask task{running.coroutine, &self.promise().link()};
    if constexpr (Form::is_scheduling_point) {
      if (running.deterministic && postpone(task, &suspend, &form_)) [[unlikely]]
        return true;
    }
    return form_.suspend(task);
  }

  decltype(auto) await_resume() { return form_.await_resume(); }

 private:
  static bool suspend(void* form, SuspendedTask self) noexcept {
    return static_cast<Form*>(form)->suspend(self);
  }

  Form& form_;
};

}  // namespace coro::detail
