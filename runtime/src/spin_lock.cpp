// SPDX-License-Identifier: Apache-2.0
#include "coro/detail/spin_lock.h"

#include <sched.h>

namespace coro::detail {

void SpinLock::lock_slow() noexcept {
  constexpr int spins = 64;
  do {
    for (int i = 0; i < spins && locked_.load(std::memory_order_relaxed); ++i) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#else
      asm volatile("yield");
#endif
    }
    if (locked_.load(std::memory_order_relaxed)) sched_yield();
  } while (locked_.exchange(true, std::memory_order_acquire));
}

}  // namespace coro::detail
