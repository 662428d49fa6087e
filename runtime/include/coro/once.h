// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "coro/abi.h"
#include "coro/detail/acquire.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"
#include "coro/task.h"

namespace coro {

// Once has a function run exactly once, however many coroutines call it: one runs
// it, the others wait until it has ended. They show the wait reason that Go's have,
// that of a mutex.
//
// A function that calls the same Once waits for ever. A Once must not move, and may
// be destroyed as soon as all calls have returned.
class Once {
  struct Entering;

 public:
  constexpr Once() noexcept : object_(detail::new_object(CORO_OBJECT_ONCE)) {}
  ~Once();
  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  // Runs f(), unless that was done; returns once it has been. If f throws, it
  // counts as not run: the exception is thrown here, to its own caller, and the
  // caller that has waited longest runs its function instead (std::call_once does
  // the same, Go's Once does not). Throws UsageError outside of a coroutine, unless
  // it was done.
  template <class F>
  void call(F&& f) {
    if (done() || !enter()) return;
    Leaving leaving{*this};
    static_cast<void>(f());
    leaving.ran = true;
  }

  // The same in a task: co_await once.async_call(f), where f is a plain function or
  // gives a task, which is awaited. f is copied or moved into the wait.
  template <class F>
  Task<> async_call(F f);

  // Whether it was run; what it did is then visible here.
  [[nodiscard]] bool done() const noexcept {
    return std::atomic_ref(const_cast<std::uint32_t&>(object_.closed))
               .load(std::memory_order_acquire) != 0;
  }

 private:
  using AsyncEnter = detail::AsyncAcquire<Entering>;
  struct Leaving {
    Once& once;
    bool ran = false;
    ~Leaving() { once.leave(ran); }
  };

  bool enter();  // false: it was run meanwhile; else leave() has to be called
  void leave(bool ran) noexcept;

  coro_object object_;  // first: published by its address
  detail::SpinLock lock_;
  bool running_ = false;
  detail::WaitList waiters_;
};

struct Once::Entering {
  Once& once;

  static constexpr coro_reason reason = CORO_REASON_MUTEX_LOCK;
  [[nodiscard]] detail::SpinLock& lock() const noexcept { return once.lock_; }
  [[nodiscard]] const void* object() const noexcept { return &once.object_; }
  // True also if it was run: there is nothing to wait for.
  [[nodiscard]] bool attempt(const detail::Coroutine* self) const noexcept;
  void enlist(detail::Waiter& waiter) const noexcept;
  void withdraw(detail::Waiter& waiter, detail::WaiterChain& woken) const noexcept;
};

extern template class detail::AsyncAcquire<Once::Entering>;

template <class F>
Task<> Once::async_call(F f) {
  if (done()) co_return;
  co_await AsyncEnter({*this});
  if (done()) co_return;
  Leaving leaving{*this};
  if constexpr (detail::is_task<std::invoke_result_t<F&>>) {
    static_cast<void>(co_await f());
  } else {
    static_cast<void>(f());
  }
  leaving.ran = true;
}

}  // namespace coro
