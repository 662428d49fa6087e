// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "coro/detail/async.h"
#include "coro/detail/timer_entry.h"

namespace coro {

// The time that sleeps and deadlines go by: CLOCK_MONOTONIC, as steady_clock's;
// the virtual time of its scheduler in a coroutine of a deterministic one.
[[nodiscard]] std::chrono::steady_clock::time_point now() noexcept;

// sleep_for parks the calling coroutine for at least `duration`, on
// CLOCK_MONOTONIC with nanosecond resolution; a duration of zero or less is a
// yield(). Coroutines with one deadline wake in the order in which they went to
// sleep, if one worker runs them. Throws UsageError outside of a coroutine.
void sleep_for(std::chrono::nanoseconds duration);

// The same until a time of coro::now().
inline void sleep_until(std::chrono::steady_clock::time_point time) {
  sleep_for(time - now());
}

namespace detail {

class [[nodiscard]] AsyncSleep : public AsyncForm {
 public:
  explicit AsyncSleep(std::chrono::nanoseconds duration) noexcept : duration_(duration) {}
  ~AsyncSleep();
  bool suspend(SuspendedTask self) noexcept;
  static void await_resume() noexcept {}

 private:
  std::chrono::nanoseconds duration_;
  TimerEntry timer_;
};

}  // namespace detail

// The same in a task: co_await coro::async_sleep_for(duration).
inline detail::AsyncSleep async_sleep_for(std::chrono::nanoseconds duration) noexcept {
  return detail::AsyncSleep(duration);
}
inline detail::AsyncSleep async_sleep_until(std::chrono::steady_clock::time_point time) noexcept {
  return detail::AsyncSleep(time - now());
}

}  // namespace coro
