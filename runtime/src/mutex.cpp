// SPDX-License-Identifier: Apache-2.0
#include "coro/mutex.h"

#include <mutex>
#include <type_traits>

#include "acquire.h"
#include "coro/error.h"
#include "deterministic.h"

namespace coro {

using detail::Waiter;

template class detail::AsyncAcquire<Mutex::Locking>;
template class detail::AsyncAcquireFor<Mutex::Locking>;

// The lock of the object's book-keeping is all the synchronisation there is: one
// exchange to lock and one to unlock, which is what a state word would cost, too.
inline bool Mutex::Locking::attempt(const detail::Coroutine* self) const noexcept {
  if (mutex.object_.length != 0) return false;
  mutex.object_.length = 1;
  mutex.object_.holder = detail::id_of(self);
  mutex.object_.taken_at = 0;
  return true;
}

void Mutex::Locking::enlist(Waiter& waiter) const noexcept {
  mutex.waiters_.push(waiter);
  mutex.object_.waiting_receivers = mutex.waiters_.size();
}

void Mutex::Locking::withdraw(Waiter& waiter, detail::WaiterChain&) const noexcept {
  mutex.waiters_.remove(waiter);
  mutex.object_.waiting_receivers = mutex.waiters_.size();
}

Mutex::~Mutex() {
  static_assert(std::is_standard_layout_v<Mutex>, "object_ has to lie at offset 0");
  object_.magic = 0;
}

void Mutex::lock() {
  detail::acquire(Locking{*this});
  object_.taken_at = detail::caller(__builtin_return_address(0));
}

bool Mutex::try_lock() noexcept {
  const bool taken = detail::try_acquire(Locking{*this});
  if (taken) object_.taken_at = detail::caller(__builtin_return_address(0));
  return taken;
}

bool Mutex::try_lock_for(std::chrono::nanoseconds duration) {
  const bool taken = detail::acquire_for(Locking{*this}, duration);
  if (taken) object_.taken_at = detail::caller(__builtin_return_address(0));
  return taken;
}

bool Mutex::release_locked(Waiter*& next) noexcept {
  next = nullptr;
  if (object_.length == 0) return false;
  next = waiters_.pop();
  object_.waiting_receivers = waiters_.size();
  object_.length = next != nullptr ? 1 : 0;
  object_.holder = next != nullptr ? detail::id_of(next->coroutine) : 0;
  object_.taken_at = 0;
  return true;
}

bool Mutex::release(Waiter*& next) noexcept {
  const std::lock_guard guard(lock_);
  return release_locked(next);
}

// Called with the lock of the book-keeping held.
void Mutex::unlock_slow() {
  Waiter* next = nullptr;
  const bool locked = release_locked(next);
  lock_.unlock();
  if (!locked) throw_unlocked();
  if (next != nullptr) detail::unpark(*next->coroutine);
}

void Mutex::unlock() {
  detail::scheduling_point();
  lock_.lock();
  if (object_.length == 0 || !waiters_.empty()) [[unlikely]]
    return unlock_slow();
  object_.length = 0;
  object_.holder = 0;
  lock_.unlock();
}

void Mutex::throw_unlocked() {
  throw UsageError("coro: unlock of a Mutex that is not locked: one unlock() to each lock()");
}

}  // namespace coro
