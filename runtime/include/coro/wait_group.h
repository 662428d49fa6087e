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

// WaitGroup lets coroutines wait until a number of others are done: add() before
// each is started, done() as its last act, wait() in whoever waits for them.
//
// It must not move, and must live until the last done() was called and wait()
// has returned; after wait() returned it may be destroyed at once. All members
// may be called from any thread, but wait() only in a coroutine.
class WaitGroup {
  struct Waiting;

 public:
  using AsyncWait = detail::AsyncAcquire<Waiting>;
  using AsyncWaitFor = detail::AsyncAcquireFor<Waiting>;

  WaitGroup() noexcept;
  ~WaitGroup();
  WaitGroup(const WaitGroup&) = delete;
  WaitGroup& operator=(const WaitGroup&) = delete;

  // Adds `count`, which may be negative, to the counter. When it becomes zero,
  // all who wait go on. Throws UsageError, and changes nothing, if the counter
  // would become negative.
  void add(std::int64_t count);

  // add(-1).
  void done() { add(-1); }

  // Waits until the counter is zero. Throws UsageError outside of a coroutine.
  void wait();

  // The same for at most `duration`. False: it was not zero by then.
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds duration);

  // The same in a task: co_await group.async_wait().
  AsyncWait async_wait() noexcept;
  AsyncWaitFor async_wait_for(std::chrono::nanoseconds duration) noexcept;

  // The counter; a moment old.
  [[nodiscard]] std::uint64_t count() const noexcept;

 private:
  coro_object object_;  // first: published by its address
  mutable detail::SpinLock lock_;
  detail::WaitList waiters_;
};

struct WaitGroup::Waiting {
  WaitGroup& group;

  static constexpr coro_reason reason = CORO_REASON_WAIT_GROUP_WAIT;
  [[nodiscard]] detail::SpinLock& lock() const noexcept { return group.lock_; }
  [[nodiscard]] const void* object() const noexcept { return &group.object_; }
  [[nodiscard]] bool attempt(const detail::Coroutine* self) const noexcept;
  void enlist(detail::Waiter& waiter) const noexcept;
  void withdraw(detail::Waiter& waiter, detail::WaiterChain& woken) const noexcept;
};

extern template class detail::AsyncAcquire<WaitGroup::Waiting>;
extern template class detail::AsyncAcquireFor<WaitGroup::Waiting>;

inline WaitGroup::AsyncWait WaitGroup::async_wait() noexcept {
  return AsyncWait({*this});
}
inline WaitGroup::AsyncWaitFor WaitGroup::async_wait_for(
    std::chrono::nanoseconds duration) noexcept {
  return {{*this}, duration};
}

}  // namespace coro
