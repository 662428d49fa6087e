// SPDX-License-Identifier: Apache-2.0
// For tasks: work that needs a stack or a thread of its own.
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include "coro/blocking.h"
#include "coro/detail/async.h"
#include "coro/detail/join_point.h"
#include "coro/detail/promise.h"
#include "coro/detail/spawn.h"

namespace coro {
namespace detail {

template <class F>
class [[nodiscard]] AsyncFiber : public AsyncForm {
 public:
  using Result = std::invoke_result_t<F&>;

  explicit AsyncFiber(F&& function) : function_(std::move(function)) {}

  bool suspend(SuspendedTask self) noexcept {
    try {
      spawn_fiber(nullptr, [this] { run(); });
    } catch (...) {
      result_.error = std::current_exception();
      return false;
    }
    return end_.suspend(self);
  }
  Result await_resume() { return take<Result>(result_); }

 private:
  void run() noexcept {
    point_.begin();
    try {
      if constexpr (std::is_void_v<Result>) {
        function_();
      } else if constexpr (std::is_reference_v<Result>) {
        result_.value = &function_();
      } else {
        result_.value.emplace(function_());
      }
    } catch (...) {
      result_.error = std::current_exception();
    }
    point_.end();
  }

  F function_;
  TaskResult<Result> result_;
  JoinPoint point_;
  JoinPoint::AsyncWait end_{point_};
};

}  // namespace detail

// co_await async_fiber(f), in a task, runs f() in a fiber, where it may call what
// blocks a fiber, and returns what f returns or throws what it throws: also what
// starting the fiber throws, see coro::go.
template <class F>
auto async_fiber(F f) {
  return detail::AsyncFiber<F>(std::move(f));
}

// co_await async_blocking(f) is coro::blocking(f) for tasks: f() may block its
// thread.
template <class F>
auto async_blocking(F f) {
  auto call = [function = std::move(f)]() mutable -> std::invoke_result_t<F&> {
    return blocking(function);
  };
  return detail::AsyncFiber<decltype(call)>(std::move(call));
}

}  // namespace coro
