// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "coro/context.h"
#include "coro/detail/started.h"
#include "coro/join.h"
#include "coro/labels.h"

namespace coro {

// How a coroutine is started; needed only while it is.
struct StartOptions {
  // What it is called, see labels.h; the labels are added to those it inherits.
  std::string_view name = {};
  std::vector<Label> labels = {};

  // After this time, from the start on, the context that the function gets ends
  // with ContextError::deadline_exceeded. The function has to heed it. 0: never.
  std::chrono::nanoseconds timeout{0};

  // Gets an exception that leaves the function if nobody joins, at the coroutine's
  // end and in it, or where its Join is dropped later. Must not throw. Without it
  // such an exception goes to the process's handler, or ends the process: see
  // unhandled.h.
  std::function<void(std::exception_ptr)> on_exception = nullptr;
};

// start starts a coroutine that runs f(context), or f() if f takes no Context, on
// the scheduler of the calling coroutine, and returns the Join to its result:
//
//   auto order = coro::start(context, {.name = "order", .timeout = 2s},
//                            [id](const coro::Context& c) { return fetch(c, id); });
//   ...
//   show(order.join());
//
// It is a fiber; a task, if f gives a coro::Task<T>, and the Join is one to a T. f
// must not return a reference. As with coro::go, f is moved or copied to the new
// coroutine, and what it refers to has to live as long as that runs, which may be
// longer than the Join.
//
// The context given to f is `context`, or with a timeout a child of it, which is
// cancelled when f has returned.
//
// Throws UsageError outside of a coroutine and for a name or labels that break the
// rules of labels.h, std::bad_alloc, and what coro::go throws; nothing was started
// then.
template <class F>
[[gnu::always_inline]] inline auto start(const Context& context, const StartOptions& options,
                                         F&& f) {
  return detail::start(context, options, std::forward<F>(f));
}

// The same with the background for a context.
template <class F>
[[gnu::always_inline]] inline auto start(const StartOptions& options, F&& f) {
  return detail::start(Context::background(), options, std::forward<F>(f));
}
template <class F>
[[gnu::always_inline]] inline auto start(F&& f) {
  return detail::start(Context::background(), StartOptions(), std::forward<F>(f));
}

}  // namespace coro
