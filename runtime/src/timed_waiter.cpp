// SPDX-License-Identifier: Apache-2.0
#include "coro/detail/timed_waiter.h"

#include "park.h"
#include "scheduler_core.h"

namespace coro::detail {

void TimedWaiter::set(Coroutine& self, std::chrono::nanoseconds duration) noexcept {
  timer.deadline = self.scheduler->deadline_after(duration);
  timer.coroutine = coroutine = &self;
  timer.selection = selection = &choice;
}

void TimedWaiter::park(Fiber& self, coro_reason reason, const void* object,
                       SpinLock& lock) noexcept {
  held = &lock;
  const auto commit = [](void* argument) noexcept {
    static_cast<TimedWaiter*>(argument)->arm_and_unlock();
  };
  detail::park(self, reason, object, Commit{.run = commit, .argument = this});
}

void TimedWaiter::park_task(const SuspendedTask& self, coro_reason reason, const void* object,
                            SpinLock& lock) noexcept {
  held = &lock;
  detail::park_task(self, reason, object);
  arm_and_unlock();
}

// The timer may wake the coroutine at once. It then still needs the lock, to leave
// the list, so *this is there until that is released.
void TimedWaiter::arm_and_unlock() noexcept {
  SpinLock& lock = *held;
  coroutine->scheduler->arm(timer);
  lock.unlock();
}

bool TimedWaiter::was_first() noexcept {
  if (choice.winner() != static_cast<Waiter*>(this)) return false;
  cancel_timer();
  return true;
}

void TimedWaiter::cancel_timer() noexcept {
  coroutine->scheduler->timers().cancel(timer);
}

}  // namespace coro::detail
