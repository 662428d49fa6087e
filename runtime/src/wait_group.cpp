// SPDX-License-Identifier: Apache-2.0
#include "coro/wait_group.h"

#include <mutex>
#include <type_traits>

#include "coro/error.h"
#include "deterministic.h"
#include "park.h"

namespace coro {

using detail::Waiter;

WaitGroup::WaitGroup() noexcept : object_(detail::new_object(CORO_OBJECT_WAIT_GROUP)) {
  static_assert(std::is_standard_layout_v<WaitGroup>, "object_ has to lie at offset 0");
}

WaitGroup::~WaitGroup() {
  object_.magic = 0;
}

void WaitGroup::add(std::int64_t count) {
  detail::scheduling_point();
  Waiter* waiting = nullptr;
  {
    const std::lock_guard guard(lock_);
    const auto sum = static_cast<std::int64_t>(object_.length) + count;
    if (sum < 0) throw UsageError("coro: negative WaitGroup counter: more done() than add()");
    object_.length = static_cast<std::uint64_t>(sum);
    if (sum == 0) {
      waiting = waiters_.take_all();
      object_.waiting_receivers = 0;
    }
  }
  // From here on `this` may be gone: a waiter may destroy it.
  while (waiting != nullptr) {
    Waiter* next = waiting->next;
    detail::unpark(*waiting->coroutine);
    waiting = next;
  }
}

void WaitGroup::wait() {
  detail::Fiber& self = detail::this_fiber();
  lock_.lock();
  if (object_.length == 0) {
    lock_.unlock();
    return;
  }
  Waiter waiter;
  waiter.coroutine = &self;
  waiters_.push(waiter);
  object_.waiting_receivers = waiters_.size();
  detail::park(self, CORO_REASON_WAIT_GROUP_WAIT, this, lock_);
}

bool WaitGroup::AsyncWait::suspend(detail::SuspendedTask self) noexcept {
  group_.lock_.lock();
  if (group_.object_.length == 0) {
    group_.lock_.unlock();
    return false;
  }
  WaitGroup& group = group_;  // after unlocking, *this may be gone
  coroutine = self.coroutine;
  group.waiters_.push(*this);
  group.object_.waiting_receivers = group.waiters_.size();
  park_task(self, CORO_REASON_WAIT_GROUP_WAIT, &group);
  group.lock_.unlock();
  return true;
}

WaitGroup::AsyncWait::~AsyncWait() {
  if (!listed) return;
  const std::lock_guard guard(group_.lock_);
  group_.waiters_.remove(*this);
  group_.object_.waiting_receivers = group_.waiters_.size();
}

std::uint64_t WaitGroup::count() const noexcept {
  detail::looking_point();
  const std::lock_guard guard(lock_);
  return object_.length;
}

}  // namespace coro
