// SPDX-License-Identifier: Apache-2.0
#include "coro/once.h"

#include <mutex>
#include <type_traits>

#include "acquire.h"
#include "deterministic.h"

namespace coro {

using detail::Waiter;

template class detail::AsyncAcquire<Once::Entering>;

bool Once::Entering::attempt(const detail::Coroutine* self) const noexcept {
  if (once.object_.closed != 0) return true;
  if (once.running_) return false;
  once.running_ = true;
  once.object_.holder = detail::id_of(self);
  return true;
}

void Once::Entering::enlist(Waiter& waiter) const noexcept {
  once.waiters_.push(waiter);
  once.object_.waiting_receivers = once.waiters_.size();
}

void Once::Entering::withdraw(Waiter& waiter, detail::WaiterChain&) const noexcept {
  once.waiters_.remove(waiter);
  once.object_.waiting_receivers = once.waiters_.size();
}

Once::~Once() {
  static_assert(std::is_standard_layout_v<Once>, "object_ has to lie at offset 0");
  object_.magic = 0;
}

bool Once::enter() {
  detail::acquire(Entering{*this});
  return !done();
}

// After a failure the oldest waiter enters in its place.
void Once::leave(bool ran) noexcept {
  detail::scheduling_point();
  detail::WaiterChain woken;
  {
    const std::lock_guard guard(lock_);
    if (ran) std::atomic_ref(object_.closed).store(1, std::memory_order_release);
    object_.holder = 0;
    running_ = false;
    while (Waiter* waiter = waiters_.pop()) {
      woken.push(*waiter);
      if (ran) continue;
      running_ = true;
      object_.holder = detail::id_of(waiter->coroutine);
      break;
    }
    object_.waiting_receivers = waiters_.size();
  }
  woken.wake();
}

}  // namespace coro
