// SPDX-License-Identifier: Apache-2.0
#include "coro/rw_mutex.h"

#include <mutex>
#include <type_traits>

#include "acquire.h"
#include "coro/error.h"
#include "coro/go.h"
#include "deterministic.h"

namespace coro {

using detail::Waiter;
using detail::WaiterChain;

template class detail::AsyncAcquire<RwMutex::Writing>;
template class detail::AsyncAcquireFor<RwMutex::Writing>;
template class detail::AsyncAcquire<RwMutex::Reading>;
template class detail::AsyncAcquireFor<RwMutex::Reading>;

inline bool RwMutex::Writing::attempt(const detail::Coroutine* self) const noexcept {
  if (mutex.written_ || mutex.object_.length != 0) return false;
  mutex.written_ = true;
  mutex.object_.holder = detail::id_of(self);
  return true;
}

void RwMutex::Writing::enlist(Waiter& waiter) const noexcept {
  mutex.writers_.push(waiter);
  mutex.publish();
}

// A writer that gives up no longer keeps readers out.
void RwMutex::Writing::withdraw(Waiter& waiter, WaiterChain& woken) const noexcept {
  mutex.writers_.remove(waiter);
  if (!mutex.written_ && mutex.writers_.empty()) mutex.admit_readers(woken);
  mutex.publish();
}

inline bool RwMutex::Reading::attempt(const detail::Coroutine* self) const noexcept {
  if (mutex.written_ || !mutex.writers_.empty()) return false;
  ++mutex.object_.length;
  mutex.object_.readers ^= detail::id_of(self);
  return true;
}

void RwMutex::Reading::enlist(Waiter& waiter) const noexcept {
  mutex.readers_.push(waiter);
  mutex.publish();
}

void RwMutex::Reading::withdraw(Waiter& waiter, WaiterChain&) const noexcept {
  mutex.readers_.remove(waiter);
  mutex.publish();
}

RwMutex::~RwMutex() {
  static_assert(std::is_standard_layout_v<RwMutex>, "object_ has to lie at offset 0");
  object_.magic = 0;
}

inline void RwMutex::publish() noexcept {
  object_.waiting_senders = writers_.size();
  object_.waiting_receivers = readers_.size();
}

void RwMutex::admit_readers(WaiterChain& woken) noexcept {
  while (Waiter* reader = readers_.pop()) {
    ++object_.length;
    object_.readers ^= detail::id_of(reader->coroutine);
    woken.push(*reader);
  }
}

void RwMutex::admit_writer(WaiterChain& woken) noexcept {
  Waiter* writer = writers_.pop();
  if (writer == nullptr) return;
  written_ = true;
  object_.holder = detail::id_of(writer->coroutine);
  woken.push(*writer);
}

void RwMutex::lock() {
  detail::acquire(Writing{*this});
  object_.taken_at = detail::caller(__builtin_return_address(0));
}
bool RwMutex::try_lock() noexcept {
  const bool taken = detail::try_acquire(Writing{*this});
  if (taken) object_.taken_at = detail::caller(__builtin_return_address(0));
  return taken;
}
bool RwMutex::try_lock_for(std::chrono::nanoseconds duration) {
  const bool taken = detail::acquire_for(Writing{*this}, duration);
  if (taken) object_.taken_at = detail::caller(__builtin_return_address(0));
  return taken;
}
void RwMutex::lock_shared() {
  detail::acquire(Reading{*this});
}
bool RwMutex::try_lock_shared() noexcept {
  return detail::try_acquire(Reading{*this});
}
bool RwMutex::try_lock_shared_for(std::chrono::nanoseconds duration) {
  return detail::acquire_for(Reading{*this}, duration);
}

void RwMutex::unlock() {
  detail::scheduling_point();
  WaiterChain woken;
  {
    const std::lock_guard guard(lock_);
    if (!written_) throw UsageError("coro: unlock of an RwMutex that no writer has locked");
    written_ = false;
    object_.holder = 0;
    object_.readers = 0;  // in the place of taken_at
    admit_readers(woken);
    if (object_.length == 0) admit_writer(woken);
    publish();
  }
  woken.wake();
}

void RwMutex::unlock_shared() {
  detail::scheduling_point();
  WaiterChain woken;
  {
    const std::lock_guard guard(lock_);
    if (object_.length == 0) {
      throw UsageError("coro: unlock_shared of an RwMutex that no reader has locked");
    }
    // Whoever leaves need not be who came: the next one starts from nothing.
    object_.readers = --object_.length == 0 ? 0 : object_.readers ^ current_id();
    if (object_.length == 0 && !writers_.empty()) {
      admit_writer(woken);
      // Those that wait to write may all have given up just now.
      if (!written_) admit_readers(woken);
      publish();
    }
  }
  woken.wake();
}

}  // namespace coro
