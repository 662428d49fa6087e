// SPDX-License-Identifier: Apache-2.0
#include "timers.h"

namespace coro::detail {

bool Timers::add(std::uint64_t deadline, Fiber& fiber) {
  const std::lock_guard guard(mutex_);
  heap_.push({deadline, arrivals_++, &fiber});
  update_next();
  return deadline < polling_until_.load(std::memory_order_relaxed);
}

void Timers::take_expired(std::uint64_t now, FiberList& fibers) {
  const std::lock_guard guard(mutex_);
  while (!heap_.empty() && heap_.top().deadline <= now) {
    fibers.push_back(*heap_.top().fiber);
    heap_.pop();
  }
  update_next();
}

std::uint64_t Timers::begin_poll() {
  const std::lock_guard guard(mutex_);
  const std::uint64_t until = heap_.empty() ? never : heap_.top().deadline;
  polling_until_.store(until, std::memory_order_relaxed);
  return until;
}

void Timers::update_next() noexcept {
  next_.store(heap_.empty() ? never : heap_.top().deadline, std::memory_order_release);
}

}  // namespace coro::detail
