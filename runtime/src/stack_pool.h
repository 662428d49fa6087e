// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "fiber.h"

namespace coro::detail {

// How an overflowing stack is stopped.
enum class Guard {
  automatic,  // the best that the kernel has
  marker,     // MADV_GUARD_INSTALL (Linux 6.13): a page-table marker, no mapping of its own
  protect,    // mprotect: splits the mapping, two of vm.max_map_count for each stack
};

// StackPool owns the stacks, and on each its Fiber, of one scheduler. Stacks are
// carved from large mappings, touched lazily and kept until the pool ends.
// Thread-safe; workers keep caches of their own in front of it.
class StackPool {
 public:
  // `stack_size` is what one stack reserves, its guard page included; rounded
  // up to pages.
  StackPool(SchedulerCore* scheduler, std::size_t stack_size, Guard guard = Guard::automatic);
  // Every fiber has to be dead.
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // Adds up to `count` idle fibers to `fibers`, at least one. Throws
  // std::system_error when no more stacks can be mapped or guarded,
  // std::length_error when the coroutine table is full.
  void take(std::vector<Fiber*>& fibers, std::size_t count);

  // Takes fibers back.
  void give(std::span<Fiber* const> fibers) noexcept;

  // Calls f(Fiber&) for every fiber, idle or not.
  template <class F>
  void for_each(F f) {
    for (Fiber* fiber : fibers_) f(*fiber);
  }

  [[nodiscard]] std::size_t stack_size() const noexcept { return stack_size_; }
  [[nodiscard]] Guard guard() const noexcept { return guard_; }
  [[nodiscard]] std::size_t created() const noexcept { return fibers_.size(); }

 private:
  Fiber& carve();
  void map_chunk();

  SchedulerCore* scheduler_;
  std::size_t page_size_;
  std::size_t stack_size_;
  Guard guard_;
  std::mutex mutex_;
  std::vector<Fiber*> idle_;  // has room for all fibers
  std::vector<Fiber*> fibers_;
  std::vector<std::byte*> chunks_;
  std::size_t carved_;  // stacks carved from the last chunk
};

}  // namespace coro::detail
