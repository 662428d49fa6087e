// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace coro::detail {

// SpinLock guards a few instructions of an object's own book-keeping. Whoever
// holds it neither parks nor runs the program's code for long; a waiter spins
// briefly and then gives up its time slice, since the holder may be preempted.
// Constant-initialised, one byte, satisfies BasicLockable.
class SpinLock {
 public:
  constexpr SpinLock() noexcept = default;
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;

  void lock() noexcept {
    if (locked_.exchange(true, std::memory_order_acquire)) [[unlikely]]
      lock_slow();
  }
  void unlock() noexcept { locked_.store(false, std::memory_order_release); }

 private:
  void lock_slow() noexcept;

  std::atomic<bool> locked_{false};
};

}  // namespace coro::detail
