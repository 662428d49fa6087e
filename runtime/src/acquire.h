// SPDX-License-Identifier: Apache-2.0
// How an Operation of coro/detail/acquire.h is done, by fibers and by tasks. Each
// of these functions begins without the object's lock and ends so.
#pragma once

#include <chrono>
#include <cstdint>

#include "coro/detail/acquire.h"
#include "deterministic.h"
#include "lifecycle.h"
#include "park.h"

namespace coro::detail {

// WaiterChain collects waiters that were taken off their lists, to be woken in
// that order once the object's lock is released. The object may then be gone.
class WaiterChain {
 public:
  void push(Waiter& waiter) noexcept {
    waiter.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &waiter;
    last_ = &waiter;
  }

  void wake() const noexcept {
    for (Waiter* waiter = first_; waiter != nullptr;) {
      Waiter* next = waiter->next;  // a waiter is gone once it is awake
      unpark(*waiter->coroutine);
      waiter = next;
    }
  }

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

// As published for holders; 0 outside of a coroutine.
inline std::uint64_t id_of(const Coroutine* coroutine) noexcept {
  return coroutine == nullptr ? 0 : get(coroutine->header->id);
}

// As published for locks: where the function that calls this will return to.
inline std::uint64_t caller(const void* return_address) noexcept {
  return reinterpret_cast<std::uint64_t>(return_address);
}

// Apart from acquire(), to keep its registers and stack out of the way there.
template <class Operation>
[[gnu::noinline]] void acquire_by_waiting(Operation operation, Fiber& self) noexcept {
  Waiter waiter;
  waiter.coroutine = &self;
  operation.enlist(waiter);
  park(self, Operation::reason, operation.object(), operation.lock());
}

// Waits until it has what is asked for. Throws UsageError as this_fiber() does.
template <class Operation>
[[gnu::always_inline]] inline void acquire(Operation operation) {
  Fiber& self = this_fiber();
  operation.lock().lock();
  if (!operation.attempt(&self)) [[unlikely]]
    return acquire_by_waiting(operation, self);
  operation.lock().unlock();
}

// Does not wait, and may be called anywhere. False: it could not be had.
template <class Operation>
[[nodiscard]] bool try_acquire(Operation operation) noexcept {
  looking_point();
  const Coroutine* self = current_coroutine();
  operation.lock().lock();
  const bool taken = operation.attempt(self);
  operation.lock().unlock();
  if (taken) note_progress();
  return taken;
}

template <class Operation>
void withdraw(Operation operation, Waiter& waiter) noexcept {
  WaiterChain woken;
  operation.lock().lock();
  operation.withdraw(waiter, woken);
  operation.lock().unlock();
  woken.wake();
}

// Waits for at most `duration`, which may be negative.
template <class Operation>
[[nodiscard]] bool acquire_for(Operation operation, std::chrono::nanoseconds duration) {
  if (duration.count() <= 0) {
    running_fiber();
    return try_acquire(operation);
  }
  Fiber& self = this_fiber();
  operation.lock().lock();
  if (operation.attempt(&self)) {
    operation.lock().unlock();
    return true;
  }
  TimedWaiter waiter;
  waiter.set(self, duration);
  operation.enlist(waiter);
  waiter.park(self, Operation::reason, operation.object(), operation.lock());
  if (waiter.was_first()) return true;
  withdraw(operation, waiter);
  return false;
}

template <class Operation>
bool AsyncAcquire<Operation>::suspend(SuspendedTask self) noexcept {
  SpinLock& lock = operation_.lock();
  lock.lock();
  if (operation_.attempt(self.coroutine)) {
    lock.unlock();
    return false;
  }
  coroutine = self.coroutine;
  operation_.enlist(*this);
  park_task(self, Operation::reason, operation_.object());
  lock.unlock();  // *this may be gone
  return true;
}

template <class Operation>
AsyncAcquire<Operation>::~AsyncAcquire() {
  if (listed) withdraw(operation_, *this);
}

template <class Operation>
bool AsyncAcquireFor<Operation>::suspend(SuspendedTask self) noexcept {
  SpinLock& lock = operation_.lock();
  lock.lock();
  taken_ = operation_.attempt(self.coroutine);
  if (taken_ || duration_.count() <= 0) {
    lock.unlock();
    return false;
  }
  waiting_ = true;
  set(*self.coroutine, duration_);
  operation_.enlist(*this);
  TimedWaiter::park_task(self, Operation::reason, operation_.object(), lock);
  return true;
}

template <class Operation>
bool AsyncAcquireFor<Operation>::await_resume() noexcept {
  if (!waiting_) return taken_;
  waiting_ = false;
  if (was_first()) return true;
  withdraw(operation_, *this);
  return false;
}

template <class Operation>
AsyncAcquireFor<Operation>::~AsyncAcquireFor() {
  if (!waiting_) return;  // else it is destroyed in its wait
  cancel_timer();
  withdraw(operation_, *this);
}

}  // namespace coro::detail
