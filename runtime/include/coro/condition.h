// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "coro/abi.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"
#include "coro/mutex.h"
#include "coro/task.h"

namespace coro {

// Condition lets coroutines wait until others have changed what a Mutex guards.
//
//   std::unique_lock lock(mutex);
//   condition.wait(lock, [&] { return !queue.empty(); });
//
// A wait unlocks the mutex and begins to wait in one step: no notification that
// comes after the mutex was unlocked is missed. There are no spurious wake-ups, but
// somebody else may lock the mutex before who was notified does, so look again.
//
// All waits lock the mutex again before they return, whatever happens, and throw
// UsageError outside of a coroutine, and if `lock` does not hold its mutex. The
// mutex may be another one in each wait. A Condition must not move, and may be
// destroyed as soon as all who wait were notified.
class Condition {
 public:
  constexpr Condition() noexcept : object_(detail::new_object(CORO_OBJECT_CONDITION)) {}
  ~Condition();
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  // Waits until it is notified.
  void wait(std::unique_lock<Mutex>& lock);

  // Waits for at most `duration`; locking the mutex again may take longer.
  std::cv_status wait_for(std::unique_lock<Mutex>& lock, std::chrono::nanoseconds duration);

  // Wait until ready(), which is called with the mutex locked, is true; wait_for
  // gives what it was in the end, and has waited for `duration` if that is false.
  template <class Predicate>
  void wait(std::unique_lock<Mutex>& lock, Predicate ready) {
    while (!ready()) wait(lock);
  }
  template <class Predicate>
  bool wait_for(std::unique_lock<Mutex>& lock, std::chrono::nanoseconds duration, Predicate ready) {
    const Deadline deadline(duration);
    while (!ready()) {
      if (wait_for(lock, deadline.left()) == std::cv_status::timeout) return ready();
    }
    return true;
  }

  // The same in a task, which keeps the lock: co_await condition.async_wait(lock).
  Task<> async_wait(std::unique_lock<Mutex>& lock);
  Task<std::cv_status> async_wait_for(std::unique_lock<Mutex>& lock,
                                      std::chrono::nanoseconds duration);
  template <class Predicate>
  Task<> async_wait(std::unique_lock<Mutex>& lock, Predicate ready) {
    while (!ready()) co_await async_wait(lock);
  }
  template <class Predicate>
  Task<bool> async_wait_for(std::unique_lock<Mutex>& lock, std::chrono::nanoseconds duration,
                            Predicate ready) {
    const Deadline deadline(duration);
    while (!ready()) {
      if (co_await async_wait_for(lock, deadline.left()) == std::cv_status::timeout) {
        co_return ready();
      }
    }
    co_return true;
  }

  // Wakes who has waited longest, if anybody waits; all who wait. Anywhere, with
  // the mutex locked or not.
  void notify_one() noexcept;
  void notify_all() noexcept;

 private:
  class AsyncNotified;

  // A point in time on the clock of the calling coroutine's scheduler.
  class Deadline {
   public:
    explicit Deadline(std::chrono::nanoseconds duration);
    [[nodiscard]] std::chrono::nanoseconds left() const;

   private:
    std::uint64_t deadline_;
  };

  bool wait_notified(std::unique_lock<Mutex>& lock, const std::chrono::nanoseconds* duration);
  // Unlocks the mutex and lists the waiter; with the lock held. False: it was not
  // locked, and nothing was done.
  bool begin_wait(detail::Waiter& waiter, Mutex& mutex) noexcept;
  void withdraw(detail::Waiter& waiter) noexcept;

  coro_object object_;  // first: published by its address
  detail::SpinLock lock_;
  detail::WaitList waiters_;
};

}  // namespace coro
