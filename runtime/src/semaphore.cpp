// SPDX-License-Identifier: Apache-2.0
#include "coro/semaphore.h"

#include <mutex>
#include <string>
#include <type_traits>

#include "acquire.h"
#include "coro/error.h"
#include "deterministic.h"

namespace coro {

using detail::Waiter;
using detail::WaiterChain;

template class detail::AsyncAcquire<Semaphore::Acquiring>;
template class detail::AsyncAcquireFor<Semaphore::Acquiring>;

inline bool Semaphore::Acquiring::attempt(const detail::Coroutine* self) const noexcept {
  if (count > semaphore.object_.length || !semaphore.waiters_.empty()) return false;
  semaphore.object_.length -= count;
  semaphore.object_.holder = detail::id_of(self);
  return true;
}

void Semaphore::Acquiring::enlist(Waiter& waiter) const noexcept {
  static_assert(sizeof(waiter.slot) == sizeof(count));
  waiter.slot = reinterpret_cast<void*>(count);
  semaphore.waiters_.push(waiter);
  semaphore.object_.waiting_receivers = semaphore.waiters_.size();
}

// Those behind it may have waited for nothing else.
void Semaphore::Acquiring::withdraw(Waiter& waiter, WaiterChain& woken) const noexcept {
  semaphore.waiters_.remove(waiter);
  semaphore.grant(woken);
}

Semaphore::Semaphore(std::uint64_t units)
    : object_(detail::new_object(CORO_OBJECT_SEMAPHORE, units)) {
  static_assert(std::is_standard_layout_v<Semaphore>, "object_ has to lie at offset 0");
  if (units == 0) throw UsageError("coro: a Semaphore without units");
  object_.length = units;
}

Semaphore::~Semaphore() {
  object_.magic = 0;
}

void Semaphore::require(std::uint64_t count) const {
  if (count <= units()) return;
  throw UsageError("coro: " + std::to_string(count) + " units asked of a Semaphore that has " +
                   std::to_string(units()) + " in all: they would never be free");
}

// Hands units to those that wait, in order, as far as they go.
void Semaphore::grant(WaiterChain& woken) noexcept {
  while (Waiter* first = waiters_.front()) {
    const auto count = reinterpret_cast<std::uint64_t>(first->slot);
    if (count > object_.length) break;
    waiters_.remove(*first);
    // It may have run out of time just now.
    if (first->selection != nullptr && !first->selection->claim(first)) continue;
    object_.length -= count;
    object_.holder = detail::id_of(first->coroutine);
    woken.push(*first);
  }
  object_.waiting_receivers = waiters_.size();
}

void Semaphore::acquire(std::uint64_t count) {
  require(count);
  detail::acquire(Acquiring{*this, count});
}

bool Semaphore::try_acquire_for(std::chrono::nanoseconds duration, std::uint64_t count) {
  require(count);
  return detail::acquire_for(Acquiring{*this, count}, duration);
}

bool Semaphore::try_acquire(std::uint64_t count) noexcept {
  return detail::try_acquire(Acquiring{*this, count});
}

void Semaphore::release(std::uint64_t count) {
  detail::scheduling_point();
  WaiterChain woken;
  {
    const std::lock_guard guard(lock_);
    if (count > object_.capacity - object_.length) {
      throw UsageError("coro: more units released to a Semaphore than were taken from it");
    }
    object_.length += count;
    if (!waiters_.empty()) grant(woken);
  }
  woken.wake();
}

std::uint64_t Semaphore::available() const noexcept {
  detail::looking_point();
  const std::lock_guard guard(lock_);
  return object_.length;
}

}  // namespace coro
