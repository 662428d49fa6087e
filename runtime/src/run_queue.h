// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "coro/abi.h"
#include "coroutine.h"

namespace coro::detail {

// RunQueue is a worker's own bounded queue of runnable coroutines. Its owner pushes;
// the owner and thieves pop, all from the old end, so that it is fair. It begins
// with the worker's published figures, which have its two ends.
class RunQueue : public coro_worker {
 public:
  static constexpr std::uint32_t capacity = 1024;

  RunQueue() noexcept : coro_worker{} {}

  // Owner only. False when full.
  bool push(Coroutine& coroutine) noexcept {
    const std::uint32_t last = tail().load(std::memory_order_relaxed);
    if (last - head().load(std::memory_order_acquire) == capacity) return false;
    slots_[last % capacity].store(&coroutine, std::memory_order_relaxed);
    tail().store(last + 1, std::memory_order_release);
    return true;
  }

  // Owner only. The oldest coroutine, or nullptr. Not `shared`: there are no thieves,
  // which saves an interlocked instruction.
  Coroutine* pop(bool shared = true) noexcept {
    std::uint32_t first = head().load(std::memory_order_acquire);
    const std::uint32_t last = tail().load(std::memory_order_relaxed);
    if (!shared) {
      if (first == last) return nullptr;
      head().store(first + 1, std::memory_order_release);
      Coroutine* coroutine = slots_[first % capacity].load(std::memory_order_relaxed);
      prefetch(first + 1, last);
      return coroutine;
    }
    while (first != last) {
      Coroutine* coroutine = slots_[first % capacity].load(std::memory_order_relaxed);
      if (head().compare_exchange_weak(first, first + 1, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
        prefetch(first + 1, last);
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
    const std::uint32_t thief_tail = thief.tail().load(std::memory_order_relaxed);
    std::uint32_t first = head().load(std::memory_order_acquire);
    for (;;) {
      const std::uint32_t last = tail().load(std::memory_order_acquire);
      const std::uint32_t length = last - first;
      if (length == 0) return nullptr;
      const std::uint32_t count = length - length / 2;
      if (length > capacity) {  // head and tail are not of one moment
        first = head().load(std::memory_order_acquire);
        continue;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        Coroutine* coroutine = slots_[(first + i) % capacity].load(std::memory_order_relaxed);
        thief.slots_[(thief_tail + i) % capacity].store(coroutine, std::memory_order_relaxed);
      }
      if (!head().compare_exchange_weak(first, first + count, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
        continue;
      }
      const std::uint32_t kept = thief_tail + count - 1;
      thief.tail().store(kept, std::memory_order_release);
      return thief.slots_[kept % capacity].load(std::memory_order_relaxed);
    }
  }

  // For the owner exact, for others a moment old.
  [[nodiscard]] std::uint32_t size() const noexcept {
    return tail().load(std::memory_order_acquire) - head().load(std::memory_order_acquire);
  }
  [[nodiscard]] bool empty() const noexcept {
    return head().load(std::memory_order_acquire) == tail().load(std::memory_order_acquire);
  }

 private:
  // The one after the next is on its way into the cache while the next one runs.
  void prefetch(std::uint32_t place, std::uint32_t tail) const noexcept {
    if (place != tail) {
      __builtin_prefetch(slots_[place % capacity].load(std::memory_order_relaxed));
    }
  }

  using End = std::atomic_ref<std::uint32_t>;
  [[nodiscard]] End head() const noexcept { return End(const_cast<std::uint32_t&>(queue_head)); }
  [[nodiscard]] End tail() const noexcept { return End(const_cast<std::uint32_t&>(queue_tail)); }

  std::array<std::atomic<Coroutine*>, capacity> slots_{};
};

}  // namespace coro::detail
