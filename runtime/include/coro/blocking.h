// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace coro {
namespace detail {

// Calls run(argument), which does not throw, as blocking() says.
void run_blocking(void (*run)(void* argument) noexcept, void* argument);

}  // namespace detail

// blocking runs f(), which may block its thread, in a system call or on a lock,
// so that other coroutines go on meanwhile: the calling coroutine keeps its
// thread, and its worker continues on another one (kept for the next time). It
// costs two switches of threads, some 10 us: not for what is faster than that.
// Meanwhile the state of the coroutine is "syscall". Returns what f returns and
// throws what it throws, perhaps on another worker.
//
// While f runs it is not in a coroutine: what waits, yields or spawns by
// coro::go throws UsageError there. Where no thread can be had, and in a
// scheduler without threads (workers = 0), f blocks the worker.
//
// Throws UsageError outside of a coroutine, and in a task.
template <class F>
auto blocking(F&& f) -> std::invoke_result_t<F&> {
  using Result = std::invoke_result_t<F&>;
  struct Call {
    F& function;
    std::exception_ptr error;
    std::conditional_t<std::is_void_v<Result>, bool, std::optional<Result>> result{};
  } call{f, nullptr};
  const auto run = [](void* argument) noexcept {
    Call& self = *static_cast<Call*>(argument);
    try {
      if constexpr (std::is_void_v<Result>) {
        self.function();
      } else {
        self.result.emplace(self.function());
      }
    } catch (...) {
      self.error = std::current_exception();
    }
  };
  detail::run_blocking(run, &call);
  if (call.error != nullptr) std::rethrow_exception(std::move(call.error));
  if constexpr (!std::is_void_v<Result>) return std::move(*call.result);
}

}  // namespace coro
