// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "coro/abi.h"
#include "coro/detail/async.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/timer_entry.h"
#include "coro/detail/wait_list.h"

namespace coro::detail {

struct Fiber;

// TimedWaiter is a Waiter that a deadline takes along if it comes first. It lies on
// the stack, or in the frame, of who waits. With the object's lock held:
//
//   waiter.set(self, duration); list.push(waiter);
//   waiter.park(self, reason, object, lock);  // a task: park_task, and return true
//   if (!waiter.was_first()) {                // the deadline was
//     take the lock again and the waiter off the list, if it is still there
//   }
struct TimedWaiter : Waiter {
  Selection choice;
  TimerEntry timer;
  SpinLock* held = nullptr;

  // From now on.
  void set(Coroutine& self, std::chrono::nanoseconds duration) noexcept;
  // Wait, and release the lock that is held when others may do the waking.
  void park(Fiber& self, coro_reason reason, const void* object, SpinLock& lock) noexcept;
  void park_task(const SuspendedTask& self, coro_reason reason, const void* object,
                 SpinLock& lock) noexcept;
  // After waking: whether somebody took the waiter off its list. The timer is off.
  [[nodiscard]] bool was_first() noexcept;
  // For a task that is destroyed while it waits.
  void cancel_timer() noexcept;

 private:
  void arm_and_unlock() noexcept;
};

}  // namespace coro::detail
