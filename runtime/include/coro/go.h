// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

#include "coro/detail/async.h"
#include "coro/detail/spawn.h"

namespace coro {

// go starts a coroutine that runs f() on the scheduler of the calling coroutine: a
// fiber, or a task (see task.h), if f is one or f() gives one.
//
// f is moved or copied to the new coroutine's stack and destroyed when it
// returns; what it refers to has to live as long. The result of f is discarded.
// An exception that leaves f ends the process with a message that names the
// coroutine. The order in which coroutines begin is not specified.
//
// Throws UsageError outside of a coroutine (use Scheduler::go there),
// std::system_error when no stack can be had, std::bad_alloc, std::length_error when there are
// too many coroutines (16,777,216 in a process), and what copying f throws.
template <class F>
[[gnu::always_inline]] inline void go(F&& f) {
  detail::spawn(nullptr, std::forward<F>(f));
}

// yield lets others run: the calling coroutine goes to the end of its worker's
// queue. Throws UsageError outside of a coroutine.
void yield();

namespace detail {

class [[nodiscard]] AsyncYield : public AsyncForm {
 public:
  static constexpr bool is_scheduling_point = false;  // but a yield
  static bool suspend(SuspendedTask self) noexcept;
  static void await_resume() noexcept {}
};

}  // namespace detail

// The same in a task: co_await coro::async_yield().
inline detail::AsyncYield async_yield() noexcept {
  return {};
}

// The identity of the calling coroutine, unique in the life of the process and
// never 0; 0 outside of a coroutine. The same number is in probes and table.
[[nodiscard]] std::uint64_t current_id() noexcept;

}  // namespace coro
