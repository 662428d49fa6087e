// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "coro/abi.h"
#include "coro/detail/async.h"
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
 public:
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

  // The same in a task: co_await group.async_wait().
  class AsyncWait;
  AsyncWait async_wait() noexcept;

  // The counter; a moment old.
  [[nodiscard]] std::uint64_t count() const noexcept;

 private:
  coro_object object_;  // first: published by its address
  mutable detail::SpinLock lock_;
  detail::WaitList waiters_;
};

class [[nodiscard]] WaitGroup::AsyncWait : public detail::AsyncForm, detail::Waiter {
 public:
  explicit AsyncWait(WaitGroup& group) noexcept : group_(group) {}
  ~AsyncWait();
  bool suspend(detail::SuspendedTask self) noexcept;
  static void await_resume() noexcept {}

 private:
  WaitGroup& group_;
};

inline WaitGroup::AsyncWait WaitGroup::async_wait() noexcept {
  return AsyncWait(*this);
}

}  // namespace coro
