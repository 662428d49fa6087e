// SPDX-License-Identifier: Apache-2.0
// What locks and semaphores have in common: one asks for something, has it at once
// or waits in a list, and is handed it there by whoever gives it back. The rest is
// in src/acquire.h, which also instantiates the co_awaits here.
#pragma once

#include <chrono>

#include "coro/detail/async.h"
#include "coro/detail/timed_waiter.h"
#include "coro/detail/wait_list.h"

namespace coro::detail {

class WaiterChain;

// An Operation is a small value that says what is asked for:
//
//   static constexpr coro_reason reason;  // of who waits for it
//   SpinLock& lock() const;               // the object's; held in all that follows
//   const void* object() const;           // as published
//   // Takes it if it can be had now; self: nullptr outside of a coroutine.
//   bool attempt(const Coroutine* self) const noexcept;
//   // Into the list; attempt() has just failed.
//   void enlist(Waiter& waiter) const noexcept;
//   // Off the list again, if still there; says who may go on because of that.
//   void withdraw(Waiter& waiter, WaiterChain& woken) const noexcept;

// AsyncAcquire awaits an operation.
template <class Operation>
class [[nodiscard]] AsyncAcquire : public AsyncForm, Waiter {
 public:
  explicit AsyncAcquire(const Operation& operation) noexcept : operation_(operation) {}
  ~AsyncAcquire();
  bool suspend(SuspendedTask self) noexcept;
  static void await_resume() noexcept {}

 private:
  Operation operation_;
};

// The same for a limited time. Gives false if that is over.
template <class Operation>
class [[nodiscard]] AsyncAcquireFor : public AsyncForm, TimedWaiter {
 public:
  AsyncAcquireFor(const Operation& operation, std::chrono::nanoseconds duration) noexcept
      : operation_(operation), duration_(duration) {}
  ~AsyncAcquireFor();
  bool suspend(SuspendedTask self) noexcept;
  [[nodiscard]] bool await_resume() noexcept;

 private:
  Operation operation_;
  std::chrono::nanoseconds duration_;
  bool waiting_ = false;
  bool taken_ = false;
};

}  // namespace coro::detail
