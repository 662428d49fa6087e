// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <queue>
#include <vector>

#include "fiber.h"

namespace coro::detail {

// Timers are the sleeping fibers of one scheduler, by deadline (nanoseconds of
// CLOCK_MONOTONIC) and, at the same deadline, by arrival. Thread-safe.
class Timers {
 public:
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  // Adds a fiber that is about to park. True: a poller sleeps past this deadline
  // and has to be woken.
  bool add(std::uint64_t deadline, Fiber& fiber);

  // Moves fibers whose time has come to `fibers`, earliest first.
  void take_expired(std::uint64_t now, FiberList& fibers);

  // The earliest deadline; cheap, may be a moment old.
  [[nodiscard]] std::uint64_t next() const noexcept {
    return next_.load(std::memory_order_acquire);
  }

  // The poller brackets its sleep with these two; begin returns when to wake.
  std::uint64_t begin_poll();
  void end_poll() noexcept { polling_until_.store(0, std::memory_order_relaxed); }

 private:
  struct Entry {
    std::uint64_t deadline;
    std::uint64_t order;
    Fiber* fiber;
    bool operator>(const Entry& other) const noexcept {
      return deadline != other.deadline ? deadline > other.deadline : order > other.order;
    }
  };

  void update_next() noexcept;

  std::mutex mutex_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
  std::uint64_t arrivals_ = 0;
  std::atomic<std::uint64_t> next_{never};
  std::atomic<std::uint64_t> polling_until_{0};  // 0: nobody sleeps in the poller
};

}  // namespace coro::detail
