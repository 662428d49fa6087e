// SPDX-License-Identifier: Apache-2.0
#include "coro/wait_group.h"

#include <mutex>
#include <type_traits>

#include "acquire.h"
#include "coro/error.h"
#include "deterministic.h"

namespace coro {

using detail::Waiter;

template class detail::AsyncAcquire<WaitGroup::Waiting>;
template class detail::AsyncAcquireFor<WaitGroup::Waiting>;

inline bool WaitGroup::Waiting::attempt(const detail::Coroutine*) const noexcept {
  return group.object_.length == 0;
}

void WaitGroup::Waiting::enlist(Waiter& waiter) const noexcept {
  group.waiters_.push(waiter);
  group.object_.waiting_receivers = group.waiters_.size();
}

void WaitGroup::Waiting::withdraw(Waiter& waiter, detail::WaiterChain&) const noexcept {
  group.waiters_.remove(waiter);
  group.object_.waiting_receivers = group.waiters_.size();
}

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
  detail::acquire(Waiting{*this});
}

bool WaitGroup::wait_for(std::chrono::nanoseconds duration) {
  return detail::acquire_for(Waiting{*this}, duration);
}

std::uint64_t WaitGroup::count() const noexcept {
  detail::looking_point();
  const std::lock_guard guard(lock_);
  return object_.length;
}

}  // namespace coro
