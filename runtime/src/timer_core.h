// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "coro/detail/spin_lock.h"
#include "coro/detail/timer_entry.h"
#include "coro/timer.h"

namespace coro::detail {

class SchedulerCore;

// TimerCore is a Timer or Ticker. Between arming its entry and the call of fire()
// the entry is busy: it keeps the timer alive, and a reset waits for fire() if it
// cannot be cancelled any more.
//
// Lock order: lock_, then the channel's or that of the scheduler's timers.
class TimerCore : public std::enable_shared_from_this<TimerCore> {
 public:
  // `period` 0: it fires once. With a function there is no channel.
  TimerCore(SchedulerCore& scheduler, std::chrono::nanoseconds period, std::function<void()> f);
  TimerCore(const TimerCore&) = delete;
  TimerCore& operator=(const TimerCore&) = delete;

  // True: it was to fire. `period` as above.
  bool start(std::chrono::nanoseconds duration, std::chrono::nanoseconds period) noexcept;
  bool stop() noexcept;

  [[nodiscard]] const Channel<TimePoint>& channel() const noexcept { return channel_; }

 private:
  using Keeper = std::shared_ptr<TimerCore>;
  struct Busy {
    TimerEntry entry;
    TimerCore* timer = nullptr;
  };

  static void fire(TimerEntry& entry) noexcept;
  bool stop_locked(Keeper& keeper) noexcept;
  void arm_locked() noexcept;
  void publish_locked(std::uint64_t deadline) noexcept;
  bool expire_locked(Waiter*& receiver) noexcept;
  static void run_function(const Keeper& keeper);
  void try_again_later() noexcept;

  SpinLock lock_;               // guards all but the channel and the function
  SchedulerCore* scheduler_;    // nullptr: has ended
  bool active_ = false;         // is to fire, at deadline_
  std::uint64_t deadline_ = 0;  // nanoseconds of the scheduler's clock
  std::uint64_t period_ = 0;    // nanoseconds
  Busy busy_;
  Keeper keeper_;  // not nullptr: the entry is busy
  Channel<TimePoint> channel_;
  std::function<void()> function_;
};

}  // namespace coro::detail
