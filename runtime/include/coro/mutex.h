// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>

#include "coro/abi.h"
#include "coro/detail/acquire.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/time_left.h"
#include "coro/detail/wait_list.h"

namespace coro {

// Mutex is a lock for coroutines: who cannot have it parks, and its worker runs
// others. It may be held across waits, and so move from thread to thread.
// std::lock_guard, std::unique_lock and std::scoped_lock work with it.
//
// It is fair: unlock() hands it to the coroutine that has waited longest, and
// nobody can overtake that one. A lock without contention costs some nanoseconds;
// where coroutines fight for one, each turn costs the switch to the next.
//
// It does not belong to a coroutine: another one may unlock it. It is not
// recursive: who locks it twice waits for ever. It must not move, and may be
// destroyed as soon as it is unlocked and nobody waits.
class Mutex {
  struct Locking;
  class ScopedLocking;

 public:
  using AsyncLock = detail::AsyncAcquire<Locking>;
  using AsyncLockFor = detail::AsyncAcquireFor<Locking>;
  using AsyncScopedLock = ScopedLocking;

  constexpr Mutex() noexcept : object_(detail::new_object(CORO_OBJECT_MUTEX)) {}
  ~Mutex();
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  // Waits until nobody else holds it. Throws UsageError outside of a coroutine.
  void lock();

  // Locks it if nobody holds it. Anywhere.
  [[nodiscard]] bool try_lock() noexcept;

  // Waits for at most `duration`; one of zero or less is a try_lock(). False: it
  // could not be had. Throws UsageError outside of a coroutine.
  [[nodiscard]] bool try_lock_for(std::chrono::nanoseconds duration);

  // The same for what is left until then, on Clock, when it is called.
  template <class Clock, class Duration>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& deadline) {
    return try_lock_for(detail::time_left(deadline));
  }

  // Anywhere. Throws UsageError if it is not locked.
  void unlock();

  // In a task: co_await mutex.async_lock(), and later mutex.unlock(); or
  //   const auto lock = co_await mutex.async_scoped_lock();  // std::unique_lock<Mutex>
  // async_try_lock_for gives what try_lock_for does.
  AsyncLock async_lock() noexcept;
  AsyncScopedLock async_scoped_lock() noexcept;
  AsyncLockFor async_try_lock_for(std::chrono::nanoseconds duration) noexcept;

 private:
  friend class Condition;

  // For unlock(): false if it is not locked. `next`: whose turn it is then, to be
  // woken; nullptr if nobody waits.
  bool release(detail::Waiter*& next) noexcept;
  bool release_locked(detail::Waiter*& next) noexcept;
  void unlock_slow();
  [[noreturn]] static void throw_unlocked();

  coro_object object_;  // first: published by its address
  detail::SpinLock lock_;
  detail::WaitList waiters_;
};

struct Mutex::Locking {
  Mutex& mutex;

  static constexpr coro_reason reason = CORO_REASON_MUTEX_LOCK;
  [[nodiscard]] detail::SpinLock& lock() const noexcept { return mutex.lock_; }
  [[nodiscard]] const void* object() const noexcept { return &mutex.object_; }
  [[nodiscard]] bool attempt(const detail::Coroutine* self) const noexcept;
  void enlist(detail::Waiter& waiter) const noexcept;
  void withdraw(detail::Waiter& waiter, detail::WaiterChain& woken) const noexcept;
};

extern template class detail::AsyncAcquire<Mutex::Locking>;
extern template class detail::AsyncAcquireFor<Mutex::Locking>;

class [[nodiscard]] Mutex::ScopedLocking : public detail::AsyncAcquire<Locking> {
 public:
  explicit ScopedLocking(Mutex& mutex) noexcept : AsyncAcquire({mutex}), mutex_(mutex) {}
  [[nodiscard]] std::unique_lock<Mutex> await_resume() const {
    return std::unique_lock(mutex_, std::adopt_lock);
  }

 private:
  Mutex& mutex_;
};

inline Mutex::AsyncLock Mutex::async_lock() noexcept {
  return AsyncLock({*this});
}
inline Mutex::AsyncScopedLock Mutex::async_scoped_lock() noexcept {
  return AsyncScopedLock(*this);
}
inline Mutex::AsyncLockFor Mutex::async_try_lock_for(std::chrono::nanoseconds duration) noexcept {
  return {{*this}, duration};
}

}  // namespace coro
