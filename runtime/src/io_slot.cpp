// SPDX-License-Identifier: Apache-2.0
#include "io_slot.h"

#include <mutex>

#include "park.h"
#include "scheduler_core.h"

namespace coro::detail {
namespace {

// What is left to do for a coroutine that waits with a deadline.
struct Arming {
  SpinLock& held;
  TimerEntry& timer;
};

// Arms the timer first. If it expires at once its coroutine needs the lock on its
// way out, so nothing of the waiter is gone before the lock is released.
void arm_and_unlock(void* argument) noexcept {
  const Arming& arming = *static_cast<Arming*>(argument);
  SpinLock& held = arming.held;
  arming.timer.coroutine->scheduler->arm(arming.timer);
  held.unlock();
}

}  // namespace

// True: whoever took the waiter off the list has completed it.
bool IoSlot::park_in(WaitList& list, Fiber& self, std::uint64_t deadline,
                     const void* object) noexcept {
  Waiter waiter;
  waiter.coroutine = &self;
  if (deadline == never) {
    list.push(waiter);
    park(self, CORO_REASON_IO_WAIT, object, lock_);
    return waiter.completed;
  }
  Selection selection;
  waiter.selection = &selection;
  TimerEntry timer;
  timer.deadline = deadline;
  timer.coroutine = &self;
  timer.selection = &selection;
  Arming arming{lock_, timer};
  list.push(waiter);
  park(self, CORO_REASON_IO_WAIT, object, Commit{.run = arm_and_unlock, .argument = &arming});
  if (selection.winner() == &timer) {
    const std::lock_guard guard(lock_);
    list.remove(waiter);
  } else {
    self.scheduler->timers().cancel(timer);
  }
  return waiter.completed;
}

void IoSlot::wait(Fiber& self, std::uint64_t seen, std::uint64_t deadline,
                  const void* object) noexcept {
  lock_.lock();
  if (events_.load(std::memory_order_relaxed) != seen) {
    lock_.unlock();
    return;
  }
  park_in(waiters_, self, deadline, object);
}

void IoSlot::signal_locked(CoroutineList& woken) noexcept {
  events_.store(events_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  while (Waiter* waiter = waiters_.pop()) woken.push_back(*waiter->coroutine);
}

void IoSlot::signal(CoroutineList& woken, bool last) noexcept {
  const std::lock_guard guard(lock_);
  if (last) last_.store(true, std::memory_order_relaxed);
  signal_locked(woken);
}

void IoSlot::signal_all(CoroutineList& woken) noexcept {
  const std::lock_guard guard(lock_);
  signal_locked(woken);
  while (Waiter* waiter = queue_.pop()) woken.push_back(*waiter->coroutine);
}

void IoSlot::set_deadline(std::uint64_t deadline, CoroutineList& woken) noexcept {
  deadline_.store(deadline, std::memory_order_relaxed);
  signal_all(woken);
}

bool IoSlot::take_turn(Coroutine* self, std::uint64_t seen, std::uint64_t deadline,
                       const void* object) {
  lock_.lock();
  if (!turn_taken_) {
    turn_taken_ = true;
    turn_holder_ = self;
    lock_.unlock();
    return true;
  }
  if (self == nullptr || self->resume != nullptr) [[unlikely]] {
    lock_.unlock();
    this_fiber();  // throws
  }
  if (events_.load(std::memory_order_relaxed) != seen) {
    lock_.unlock();
    return false;
  }
  return park_in(queue_, static_cast<Fiber&>(*self), deadline, object);
}

// As park_in(): the timer first, and nothing of the task after the lock.
bool IoSlot::suspend(AsyncIoWait& wait, const SuspendedTask& self) noexcept {
  const bool for_turn = wait.for_ == AsyncIoWait::For::turn;
  lock_.lock();
  if (for_turn && !turn_taken_) {
    turn_taken_ = true;
    turn_holder_ = self.coroutine;
    wait.waiter_.completed = true;
  }
  if (wait.waiter_.completed || events_.load(std::memory_order_relaxed) != wait.wait_.seen) {
    lock_.unlock();
    return false;
  }
  wait.waiting_ = true;
  wait.waiter_.coroutine = self.coroutine;
  (for_turn ? queue_ : waiters_).push(wait.waiter_);
  park_task(self, CORO_REASON_IO_WAIT, wait.wait_.object);
  if (wait.wait_.deadline != never) {
    wait.waiter_.selection = wait.timer_.selection = &wait.selection_;
    wait.timer_.deadline = wait.wait_.deadline;
    wait.timer_.coroutine = self.coroutine;
    self.coroutine->scheduler->arm(wait.timer_);
  }
  lock_.unlock();
  return true;
}

// Also for one that was not woken.
void IoSlot::end_wait(AsyncIoWait& wait) noexcept {
  if (wait.wait_.deadline != never) wait.timer_.coroutine->scheduler->timers().cancel(wait.timer_);
  const std::lock_guard guard(lock_);
  (wait.for_ == AsyncIoWait::For::turn ? queue_ : waiters_).remove(wait.waiter_);
}

void IoSlot::end_turn() noexcept {
  Coroutine* next = nullptr;
  {
    const std::lock_guard guard(lock_);
    next = pass_turn();
  }
  if (next != nullptr) unpark(*next);
}

// Gives the turn to whoever has waited longest; it has to be unparked.
Coroutine* IoSlot::pass_turn() noexcept {
  Waiter* next = queue_.pop();
  turn_taken_ = next != nullptr;
  turn_holder_ = nullptr;
  if (next == nullptr) return nullptr;
  next->completed = true;
  turn_holder_ = next->coroutine;
  return next->coroutine;
}

void IoSlot::forget(const Coroutine& coroutine) noexcept {
  Coroutine* next = nullptr;
  {
    const std::lock_guard guard(lock_);
    waiters_.remove_of(coroutine);
    queue_.remove_of(coroutine);
    if (turn_taken_ && turn_holder_ == &coroutine) next = pass_turn();
  }
  if (next != nullptr) unpark(*next, 0);
}

void IoSlot::reset() noexcept {
  drained_.store(0, std::memory_order_relaxed);
  last_.store(false, std::memory_order_relaxed);
  deadline_.store(never, std::memory_order_relaxed);
}

}  // namespace coro::detail
