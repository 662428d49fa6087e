// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "coro/abi.h"
#include "coro/detail/acquire.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/time_left.h"
#include "coro/detail/wait_list.h"

namespace coro {

// RwMutex is a lock for coroutines that any number of readers may hold at once
// (lock_shared), or one writer (lock). std::shared_lock, std::unique_lock and
// std::lock_guard work with it.
//
// Neither side starves the other: a writer that waits keeps new readers out, and
// when a writer unlocks, the readers that wait by then are next. Writers among
// themselves go in the order in which they came. So a reader that locks once more
// while a writer waits deadlocks, as with Go's: the writer waits for the first lock,
// the second for the writer.
//
// As a Mutex, it does not belong to a coroutine, must not move, and may be
// destroyed as soon as it is unlocked and nobody waits.
class RwMutex {
  struct Writing;
  struct Reading;

 public:
  using AsyncLock = detail::AsyncAcquire<Writing>;
  using AsyncLockFor = detail::AsyncAcquireFor<Writing>;
  using AsyncLockShared = detail::AsyncAcquire<Reading>;
  using AsyncLockSharedFor = detail::AsyncAcquireFor<Reading>;

  constexpr RwMutex() noexcept : object_(detail::new_object(CORO_OBJECT_RW_MUTEX)) {}
  ~RwMutex();
  RwMutex(const RwMutex&) = delete;
  RwMutex& operator=(const RwMutex&) = delete;

  // For writers. lock() and try_lock_for() wait, for ever or for at most
  // `duration`, and throw UsageError outside of a coroutine; try_lock() and
  // unlock() may be called anywhere. unlock() throws UsageError if no writer holds it.
  void lock();
  [[nodiscard]] bool try_lock() noexcept;
  [[nodiscard]] bool try_lock_for(std::chrono::nanoseconds duration);
  void unlock();

  // The same for readers. try_lock_shared() is false also while a writer waits.
  void lock_shared();
  [[nodiscard]] bool try_lock_shared() noexcept;
  [[nodiscard]] bool try_lock_shared_for(std::chrono::nanoseconds duration);
  void unlock_shared();

  // For what is left until then, on Clock, when they are called.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return try_lock_for(detail::time_left(deadline));
  }
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_shared_until(
      const std::chrono::time_point<Clock, Duration>& deadline) {
    return try_lock_shared_for(detail::time_left(deadline));
  }

  // In a task: co_await mutex.async_lock(), and later mutex.unlock().
  AsyncLock async_lock() noexcept;
  AsyncLockFor async_try_lock_for(std::chrono::nanoseconds duration) noexcept;
  AsyncLockShared async_lock_shared() noexcept;
  AsyncLockSharedFor async_try_lock_shared_for(std::chrono::nanoseconds duration) noexcept;

 private:
  void publish() noexcept;
  void admit_readers(detail::WaiterChain& woken) noexcept;
  void admit_writer(detail::WaiterChain& woken) noexcept;

  coro_object object_;  // first: published by its address
  detail::SpinLock lock_;
  bool written_ = false;  // a writer is inside
  detail::WaitList writers_;
  detail::WaitList readers_;
};

struct RwMutex::Writing {
  RwMutex& mutex;

  static constexpr coro_reason reason = CORO_REASON_RWMUTEX_LOCK;
  [[nodiscard]] detail::SpinLock& lock() const noexcept { return mutex.lock_; }
  [[nodiscard]] const void* object() const noexcept { return &mutex.object_; }
  [[nodiscard]] bool attempt(const detail::Coroutine* self) const noexcept;
  void enlist(detail::Waiter& waiter) const noexcept;
  void withdraw(detail::Waiter& waiter, detail::WaiterChain& woken) const noexcept;
};

struct RwMutex::Reading {
  RwMutex& mutex;

  static constexpr coro_reason reason = CORO_REASON_RWMUTEX_RLOCK;
  [[nodiscard]] detail::SpinLock& lock() const noexcept { return mutex.lock_; }
  [[nodiscard]] const void* object() const noexcept { return &mutex.object_; }
  [[nodiscard]] bool attempt(const detail::Coroutine* self) const noexcept;
  void enlist(detail::Waiter& waiter) const noexcept;
  void withdraw(detail::Waiter& waiter, detail::WaiterChain& woken) const noexcept;
};

extern template class detail::AsyncAcquire<RwMutex::Writing>;
extern template class detail::AsyncAcquireFor<RwMutex::Writing>;
extern template class detail::AsyncAcquire<RwMutex::Reading>;
extern template class detail::AsyncAcquireFor<RwMutex::Reading>;

inline RwMutex::AsyncLock RwMutex::async_lock() noexcept {
  return AsyncLock({*this});
}
inline RwMutex::AsyncLockFor RwMutex::async_try_lock_for(
    std::chrono::nanoseconds duration) noexcept {
  return {{*this}, duration};
}
inline RwMutex::AsyncLockShared RwMutex::async_lock_shared() noexcept {
  return AsyncLockShared({*this});
}
inline RwMutex::AsyncLockSharedFor RwMutex::async_try_lock_shared_for(
    std::chrono::nanoseconds duration) noexcept {
  return {{*this}, duration};
}

}  // namespace coro
