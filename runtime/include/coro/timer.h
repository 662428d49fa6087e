// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "coro/channel.h"
#include "coro/time.h"

namespace coro {

namespace detail {
class TimerCore;
}

// A point in time of coro::now(), which a timer sends when it fires.
using TimePoint = std::chrono::steady_clock::time_point;

// Timer fires once, after a duration: it sends the time to its channel, or runs a
// function in a coroutine of its own. The scheduler of the coroutine that made it
// keeps the time; after that scheduler's end a timer never fires.
//
// A handle that can be moved; its destructor stops the timer. stop() and reset() may
// be called from any thread, also while it fires. One that was moved from, or is
// detached, does nothing.
class Timer {
 public:
  // Throws UsageError outside of a coroutine, std::bad_alloc.
  explicit Timer(std::chrono::nanoseconds duration);

  // Runs f() instead. f is destroyed with the timer, or when it has returned.
  [[nodiscard]] static Timer after_func(std::chrono::nanoseconds duration, std::function<void()> f);

  ~Timer();
  Timer(Timer&&) noexcept = default;
  Timer& operator=(Timer&& other) noexcept;

  // Has capacity 1; receive the time from it. Of after_func: the nil channel.
  [[nodiscard]] const Channel<TimePoint>& channel() const noexcept;

  // Has it not fire; a time that was sent and not received yet is taken back. False:
  // it was stopped, or has fired, already; its function may still be running.
  bool stop() noexcept;

  // Has it fire `duration` from now, whether it has fired or not; else as stop().
  bool reset(std::chrono::nanoseconds duration) noexcept;

  // Gives up the handle: the timer fires though.
  void detach() noexcept { core_.reset(); }

 private:
  explicit Timer(std::shared_ptr<detail::TimerCore> core) noexcept : core_(std::move(core)) {}

  std::shared_ptr<detail::TimerCore> core_;
};

// Ticker sends the time to its channel once every period. If the receiver is slow
// ticks are dropped: the channel has capacity 1. Else as Timer.
class Ticker {
 public:
  // Throws UsageError outside of a coroutine, or if the period is not positive;
  // std::bad_alloc.
  explicit Ticker(std::chrono::nanoseconds period);
  ~Ticker();
  Ticker(Ticker&&) noexcept = default;
  Ticker& operator=(Ticker&& other) noexcept;

  [[nodiscard]] const Channel<TimePoint>& channel() const noexcept;

  // Ends the ticks. The channel is not closed.
  void stop() noexcept;

  // The next tick comes one `period` from now. Throws UsageError as the constructor.
  void reset(std::chrono::nanoseconds period);

 private:
  std::shared_ptr<detail::TimerCore> core_;
};

// A channel that gets the time once, after `duration`, as Go's time.After.
[[nodiscard]] Channel<TimePoint> after(std::chrono::nanoseconds duration);

}  // namespace coro
