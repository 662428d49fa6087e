// SPDX-License-Identifier: Apache-2.0
#include "coro/detail/join_point.h"

#include <mutex>
#include <type_traits>

#include "coro/detail/object.h"
#include "coro/go.h"
#include "park.h"

namespace coro::detail {

JoinPoint::JoinPoint() noexcept : object_(new_object(CORO_OBJECT_JOIN)) {
  static_assert(std::is_standard_layout_v<JoinPoint>, "object_ has to lie at offset 0");
}

JoinPoint::~JoinPoint() {
  object_.magic = 0;
}

void JoinPoint::begin() noexcept {
  const std::lock_guard guard(lock_);
  object_.holder = current_id();
}

void JoinPoint::end() noexcept {
  lock_.lock();
  object_.closed = 1;
  object_.waiting_receivers = 0;
  Waiter* waiting = waiters_.take_all();
  lock_.unlock();
  // From here on `this` may be gone.
  while (waiting != nullptr) {
    Waiter* next = waiting->next;
    unpark(*waiting->coroutine);
    waiting = next;
  }
}

void JoinPoint::wait() {
  Fiber& self = this_fiber();
  lock_.lock();
  if (object_.closed != 0) {
    lock_.unlock();
    return;
  }
  Waiter waiter;
  waiter.coroutine = &self;
  waiters_.push(waiter);
  object_.waiting_receivers = waiters_.size();
  park(self, CORO_REASON_JOIN, this, lock_);
}

bool JoinPoint::AsyncWait::suspend(SuspendedTask self) noexcept {
  point_.lock_.lock();
  if (point_.object_.closed != 0) {
    point_.lock_.unlock();
    return false;
  }
  JoinPoint& point = point_;  // after unlocking, *this may be gone
  coroutine = self.coroutine;
  point.waiters_.push(*this);
  point.object_.waiting_receivers = point.waiters_.size();
  park_task(self, CORO_REASON_JOIN, &point);
  point.lock_.unlock();
  return true;
}

JoinPoint::AsyncWait::~AsyncWait() {
  if (!listed) return;
  const std::lock_guard guard(point_.lock_);
  point_.waiters_.remove(*this);
  point_.object_.waiting_receivers = point_.waiters_.size();
}

void require_fiber() {
  static_cast<void>(running_fiber());
}

}  // namespace coro::detail
