// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "fiber.h"

namespace coro::detail {

// RunQueue is a worker's own bounded queue of runnable fibers. Its owner pushes;
// the owner and thieves pop, all from the old end, so that it is fair.
class RunQueue {
 public:
  static constexpr std::uint32_t capacity = 256;

  // Owner only. False when full.
  bool push(Fiber& fiber) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == capacity) return false;
    slots_[tail % capacity].store(&fiber, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Owner only. The oldest fiber, or nullptr. Not `shared`: there are no thieves,
  // which saves an interlocked instruction.
  Fiber* pop(bool shared = true) noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (!shared) {
      if (head == tail) return nullptr;
      head_.store(head + 1, std::memory_order_release);
      return slots_[head % capacity].load(std::memory_order_relaxed);
    }
    while (head != tail) {
      Fiber* fiber = slots_[head % capacity].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return fiber;
      }
    }
    return nullptr;
  }

  // Owner only: moves the older half to `fibers`.
  void pop_half(FiberList& fibers) noexcept {
    for (std::uint32_t left = capacity / 2; left > 0; --left) {
      Fiber* fiber = pop();
      if (fiber == nullptr) return;
      fibers.push_back(*fiber);
    }
  }

  // Called by the owner of the empty queue `thief`: moves half of this queue
  // there, but for one fiber that is returned. nullptr: nothing to steal.
  Fiber* steal_into(RunQueue& thief) noexcept {
    const std::uint32_t thief_tail = thief.tail_.load(std::memory_order_relaxed);
    std::uint32_t head = head_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint32_t tail = tail_.load(std::memory_order_acquire);
      const std::uint32_t length = tail - head;
      if (length == 0) return nullptr;
      const std::uint32_t count = length - length / 2;
      if (length > capacity) {  // head and tail are not of one moment
        head = head_.load(std::memory_order_acquire);
        continue;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        Fiber* fiber = slots_[(head + i) % capacity].load(std::memory_order_relaxed);
        thief.slots_[(thief_tail + i) % capacity].store(fiber, std::memory_order_relaxed);
      }
      if (!head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
        continue;
      }
      const std::uint32_t last = thief_tail + count - 1;
      thief.tail_.store(last, std::memory_order_release);
      return thief.slots_[last % capacity].load(std::memory_order_relaxed);
    }
  }

  [[nodiscard]] bool empty() const noexcept {
    return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire);
  }

 private:
  alignas(64) std::atomic<std::uint32_t> head_{0};
  alignas(64) std::atomic<std::uint32_t> tail_{0};
  std::array<std::atomic<Fiber*>, capacity> slots_{};
};

}  // namespace coro::detail
