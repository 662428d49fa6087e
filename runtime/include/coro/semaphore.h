// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "coro/abi.h"
#include "coro/detail/acquire.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"

namespace coro {

// Semaphore shares out a number of units, such as places, connections or bytes;
// each coroutine may take several at once.
//
// First come, first served: nobody gets units while somebody waits who came before,
// so a large request is not starved by small ones. It must not move, and may be
// destroyed as soon as nobody waits and no call of release() is under way.
class Semaphore {
  struct Acquiring;

 public:
  using AsyncAcquire = detail::AsyncAcquire<Acquiring>;
  using AsyncAcquireFor = detail::AsyncAcquireFor<Acquiring>;

  // All units are free. Throws UsageError if there are none.
  explicit Semaphore(std::uint64_t units);
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // Takes `count` units, waits for them if need be: for ever, or for at most
  // `duration` (false: they could not be had). Throw UsageError outside of a
  // coroutine, and if there are not so many in all.
  void acquire(std::uint64_t count = 1);
  [[nodiscard]] bool try_acquire_for(std::chrono::nanoseconds duration, std::uint64_t count = 1);

  // Takes them if they are free and nobody waits. Anywhere.
  [[nodiscard]] bool try_acquire(std::uint64_t count = 1) noexcept;

  // Gives units back; anywhere, not only by who took them. Throws UsageError, and
  // changes nothing, if so many were not taken.
  void release(std::uint64_t count = 1);

  // In a task: co_await semaphore.async_acquire(). They throw at the call.
  AsyncAcquire async_acquire(std::uint64_t count = 1);
  AsyncAcquireFor async_try_acquire_for(std::chrono::nanoseconds duration, std::uint64_t count = 1);

  // Units in all; units that are free, a moment old.
  [[nodiscard]] std::uint64_t units() const noexcept { return object_.capacity; }
  [[nodiscard]] std::uint64_t available() const noexcept;

 private:
  void require(std::uint64_t count) const;
  void grant(detail::WaiterChain& woken) noexcept;

  coro_object object_;  // first: published by its address
  mutable detail::SpinLock lock_;
  detail::WaitList waiters_;  // each one's slot is how many units it waits for
};

struct Semaphore::Acquiring {
  Semaphore& semaphore;
  std::uint64_t count;

  static constexpr coro_reason reason = CORO_REASON_SEMACQUIRE;
  [[nodiscard]] detail::SpinLock& lock() const noexcept { return semaphore.lock_; }
  [[nodiscard]] const void* object() const noexcept { return &semaphore.object_; }
  [[nodiscard]] bool attempt(const detail::Coroutine* self) const noexcept;
  void enlist(detail::Waiter& waiter) const noexcept;
  void withdraw(detail::Waiter& waiter, detail::WaiterChain& woken) const noexcept;
};

extern template class detail::AsyncAcquire<Semaphore::Acquiring>;
extern template class detail::AsyncAcquireFor<Semaphore::Acquiring>;

inline Semaphore::AsyncAcquire Semaphore::async_acquire(std::uint64_t count) {
  require(count);
  return AsyncAcquire({*this, count});
}
inline Semaphore::AsyncAcquireFor Semaphore::async_try_acquire_for(
    std::chrono::nanoseconds duration, std::uint64_t count) {
  require(count);
  return {{*this, count}, duration};
}

}  // namespace coro
