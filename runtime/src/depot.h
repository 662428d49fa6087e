// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "coro/abi.h"
#include "coro/detail/spin_lock.h"

namespace coro::detail {

// A stack as it was walked, innermost return address first.
struct WalkedStack {
  static constexpr std::uint32_t max_depth = 64;
  std::uint64_t frames[max_depth];
  std::uint32_t depth = 0;
  bool truncated = false;
  bool cut = false;  // a fiber's, and not walked to where the fiber begins
  std::uint64_t hash = 0;
};

// Where a stack may be read.
struct StackBounds {
  std::uintptr_t low = 0;   // lowest address
  std::uintptr_t high = 0;  // one past the highest
};

// The calling thread's own stack. Cheap after a thread's first call.
StackBounds thread_stack_bounds() noexcept;

// Walks frame pointers from `frame` (a frame address: saved frame pointer, then
// return address) and reads nothing outside of `bounds`. The first return
// address recorded is that of `frame` itself. Code without frame pointers ends
// the walk early or leaves its frames out; it cannot make it fault.
void walk_stack(const void* frame, const StackBounds& bounds, WalkedStack& stack) noexcept;

// Depot interns stacks to small dense ids, from 1. Looking up a known stack
// takes no lock. There is one for the process, depot(); tests make small ones.
class Depot {
 public:
  struct Storage {
    std::span<std::uint64_t> directory;  // addresses of chunks
    std::uint32_t chunk_entries;
    std::uint32_t& entries;  // published count
    std::uint64_t& lost;     // published count of stacks that found no room
    // Hash index: a power of two, at least twice as many as entries fit.
    std::span<std::atomic<std::uint64_t>> index;
  };

  constexpr explicit Depot(const Storage& storage) noexcept : storage_(storage) {}

  // The id of the stack; 0, and counted as lost, when there is no room for it.
  std::uint32_t intern(const WalkedStack& stack) noexcept;

  struct Interned {
    std::uint32_t id = 0;
    const coro_stack_entry* added = nullptr;  // if nobody had interned it before
  };
  // The same, not counted.
  Interned find_or_add(const WalkedStack& stack) noexcept;

 private:
  // The id, or 0 and in `position` the free place in the index.
  std::uint32_t find(const WalkedStack& stack, std::size_t& position) const noexcept;
  std::uint32_t insert(const WalkedStack& stack, std::size_t position) noexcept;
  std::uint64_t* store_frames(const WalkedStack& stack) noexcept;
  coro_stack_entry* entry(std::uint32_t number) const noexcept;
  [[nodiscard]] std::uint32_t capacity() const noexcept;

  Storage storage_;
  SpinLock lock_;
  std::uint64_t* frames_ = nullptr;  // arena for return addresses
  std::size_t frames_left_ = 0;
};

Depot& depot() noexcept;

}  // namespace coro::detail
