// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "coro/abi.h"
#include "coro/detail/async.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"

namespace coro::detail {

// JoinPoint is where coroutines wait for the end of another one, which need not be
// of their kind. It may be destroyed once a wait has returned.
class JoinPoint {
 public:
  class AsyncWait;

  JoinPoint() noexcept;
  ~JoinPoint();
  JoinPoint(const JoinPoint&) = delete;
  JoinPoint& operator=(const JoinPoint&) = delete;

  // In the coroutine that is waited for: publishes its id; and, once, wakes all who
  // wait.
  void begin() noexcept;
  void end() noexcept;

  // Waits for end(), in a fiber. Throws UsageError elsewhere.
  void wait();

 private:
  coro_object object_;  // first: published by its address
  SpinLock lock_;
  WaitList waiters_;
};

// The same in a task.
class [[nodiscard]] JoinPoint::AsyncWait : public AsyncForm, Waiter {
 public:
  explicit AsyncWait(JoinPoint& point) noexcept : point_(point) {}
  ~AsyncWait();
  bool suspend(SuspendedTask self) noexcept;
  static void await_resume() noexcept {}

 private:
  JoinPoint& point_;
};

// Throws UsageError unless a fiber is running.
void require_fiber();

}  // namespace coro::detail
