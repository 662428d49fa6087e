// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "coro/abi.h"
#include "coroutine.h"

namespace coro::detail {

// RunQueue is a worker's own bounded queue of runnable coroutines. Its owner pushes;
// the owner and thieves pop, all from the old end, so that it is fair.
class RunQueue {
 public:
  static constexpr std::uint32_t capacity = 256;

  // The two ends are published, in the worker's figures.
  explicit RunQueue(coro_worker& figures) noexcept
      : head_(figures.queue_head), tail_(figures.queue_tail) {}

  // Owner only. False when full.
  bool push(Coroutine& coroutine) noexcept {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == capacity) return false;
    slots_[tail % capacity].store(&coroutine, std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  // Owner only. The oldest coroutine, or nullptr. Not `shared`: there are no thieves,
  // which saves an interlocked instruction.
  Coroutine* pop(bool shared = true) noexcept {
    std::uint32_t head = head_.load(std::memory_order_acquire);
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (!shared) {
      if (head == tail) return nullptr;
      head_.store(head + 1, std::memory_order_release);
      return slots_[head % capacity].load(std::memory_order_relaxed);
    }
    while (head != tail) {
      Coroutine* coroutine = slots_[head % capacity].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return coroutine;
      }
    }
    return nullptr;
  }

  // Owner only: moves the older half to `coroutines`.
  void pop_half(CoroutineList& coroutines) noexcept {
    for (std::uint32_t left = capacity / 2; left > 0; --left) {
      Coroutine* coroutine = pop();
      if (coroutine == nullptr) return;
      coroutines.push_back(*coroutine);
    }
  }

  // Called by the owner of the empty queue `thief`: moves half of this queue
  // there, but for one coroutine that is returned. nullptr: nothing to steal.
  Coroutine* steal_into(RunQueue& thief) noexcept {
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
        Coroutine* coroutine = slots_[(head + i) % capacity].load(std::memory_order_relaxed);
        thief.slots_[(thief_tail + i) % capacity].store(coroutine, std::memory_order_relaxed);
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

  // For the owner exact, for others a moment old.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
  }
  [[nodiscard]] bool empty() const noexcept {
    return head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_acquire);
  }

 private:
  std::atomic_ref<std::uint32_t> head_;
  std::atomic_ref<std::uint32_t> tail_;
  std::array<std::atomic<Coroutine*>, capacity> slots_{};
};

}  // namespace coro::detail
