// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

#include "coro/detail/timer_entry.h"
#include "coroutine.h"

namespace coro::detail {

// TimerEntryList is a singly linked list of entries that have expired.
struct TimerEntryList {
  TimerEntry* first = nullptr;
  TimerEntry* last = nullptr;
};

// Expired is what became due.
struct Expired {
  CoroutineList coroutines;  // parked; the caller has to unpark them
  TimerEntryList callbacks;  // retained; the caller has to fire them
  [[nodiscard]] bool empty() const noexcept {
    return coroutines.empty() && callbacks.first == nullptr;
  }
};

// Timers are the armed timers of one scheduler, by deadline (nanoseconds of the
// scheduler's clock) and, at the same deadline, by arrival: an intrusive pairing
// heap (Fredman, Sedgewick, Sleator and Tarjan, 1986), so arming takes constant
// time, cancelling and expiring amortised logarithmic time, and nothing allocates.
// Thread-safe.
class Timers {
 public:
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  // `size` is published: how many are armed.
  explicit Timers(std::uint64_t& size) noexcept : size_(size) {}

  // Arms an entry. A coroutine has to be parked by then: it may be woken before
  // this returns. True: a poller sleeps past this deadline and has to be woken.
  bool add(TimerEntry& entry) noexcept;

  // Disarms an entry. False: it has expired, or was never armed.
  bool cancel(TimerEntry& entry) noexcept;

  // Takes off what is due, earliest first.
  void take_expired(std::uint64_t now, Expired& expired) noexcept;

  // The earliest deadline; cheap, may be a moment old.
  [[nodiscard]] std::uint64_t next() const noexcept {
    return next_.load(std::memory_order_acquire);
  }

  [[nodiscard]] std::uint64_t size() const noexcept {
    return size_.load(std::memory_order_relaxed);
  }

  // The poller brackets its sleep with these two; begin returns when to wake.
  std::uint64_t begin_poll() noexcept;
  void end_poll() noexcept { polling_until_.store(0, std::memory_order_relaxed); }

 private:
  void remove(TimerEntry& entry) noexcept;
  void update_next() noexcept;

  std::mutex mutex_;
  TimerEntry* root_ = nullptr;
  std::uint64_t arrivals_ = 0;
  std::atomic_ref<std::uint64_t> size_;
  std::atomic<std::uint64_t> next_{never};
  std::atomic<std::uint64_t> polling_until_{0};  // 0: nobody sleeps in the poller
};

}  // namespace coro::detail
