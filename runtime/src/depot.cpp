// SPDX-License-Identifier: Apache-2.0
#include "depot.h"

#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "descriptor.h"
#include "lifecycle.h"

namespace coro::detail {
namespace {

constexpr std::size_t depot_index_size = 2 * CORO_DEPOT_CHUNKS * CORO_DEPOT_CHUNK_ENTRIES;
static_assert(WalkedStack::max_depth == CORO_DEPOT_MAX_DEPTH);

constinit std::atomic<std::uint64_t> process_index[depot_index_size];
constinit Depot process_depot({.directory = coro_depot_directory,
                               .chunk_entries = CORO_DEPOT_CHUNK_ENTRIES,
                               .entries = coro_descriptor.depot_entries,
                               .lost = coro_counters.stacks_lost,
                               .index = process_index});

void* map_zeroed(std::size_t size) noexcept {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

// An index element: upper half of the hash, then the id; 0 is free.
std::uint64_t index_element(std::uint64_t hash, std::uint32_t id) noexcept {
  return (hash & 0xffffffff00000000u) | id;
}

}  // namespace

Depot& depot() noexcept {
  return process_depot;
}

StackBounds thread_stack_bounds() noexcept {
  static thread_local StackBounds bounds = [] {
    StackBounds found;
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return found;
    void* low = nullptr;
    std::size_t size = 0;
    if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
      found.low = reinterpret_cast<std::uintptr_t>(low);
      found.high = found.low + size;
    }
    pthread_attr_destroy(&attributes);
    return found;
  }();
  return bounds;
}

// Reads raw stack memory, which AddressSanitizer may have poisoned in part.
__attribute__((no_sanitize("address", "thread"))) void walk_stack(const void* frame,
                                                                  const StackBounds& bounds,
                                                                  WalkedStack& stack) noexcept {
  auto fp = reinterpret_cast<std::uintptr_t>(frame);
  // Independent products: the hash is not one long chain of multiplications.
  std::uint64_t factor = 0x9e3779b97f4a7c15u;
  std::uint64_t hash = 0;
  std::uint32_t depth = 0;
  // The first frame is the caller's own, so it can be read wherever it lies.
  for (bool first = true; first || (fp >= bounds.low && fp + 16 <= bounds.high); first = false) {
    if (fp % sizeof(void*) != 0) break;
    const auto* words = reinterpret_cast<const std::uintptr_t*>(fp);
    const std::uintptr_t pc = words[1];
    if (pc == 0) break;
    if (depth == WalkedStack::max_depth) {
      stack.truncated = true;
      break;
    }
    stack.frames[depth++] = pc;
    hash += pc * factor;
    factor += 0x3c6ef372fe94f82au;
    if (words[0] <= fp) break;
    fp = words[0];
  }
  stack.depth = depth;
  stack.hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9u;
}

std::uint32_t Depot::capacity() const noexcept {
  return static_cast<std::uint32_t>(storage_.directory.size()) * storage_.chunk_entries;
}

coro_stack_entry* Depot::entry(std::uint32_t number) const noexcept {
  const std::uint64_t chunk = get(storage_.directory[number / storage_.chunk_entries]);
  return reinterpret_cast<coro_stack_entry*>(chunk) + number % storage_.chunk_entries;
}

std::uint32_t Depot::find(const WalkedStack& stack, std::size_t& position) const noexcept {
  const std::size_t mask = storage_.index.size() - 1;
  for (position = stack.hash & mask;; position = (position + 1) & mask) {
    const std::uint64_t element = storage_.index[position].load(std::memory_order_acquire);
    if (element == 0) return 0;
    const auto id = static_cast<std::uint32_t>(element);
    if (element != index_element(stack.hash, id)) continue;
    const coro_stack_entry& known = *entry(id - 1);
    if (known.depth == stack.depth &&
        std::memcmp(reinterpret_cast<const void*>(known.frames), stack.frames,
                    stack.depth * sizeof(std::uint64_t)) == 0) {
      return id;
    }
  }
}

std::uint32_t Depot::intern(const WalkedStack& stack) noexcept {
  const std::uint32_t id = find_or_add(stack).id;
  if (id == 0 && stack.depth != 0) {
    std::atomic_ref(storage_.lost).fetch_add(1, std::memory_order_relaxed);
  }
  return id;
}

Depot::Interned Depot::find_or_add(const WalkedStack& stack) noexcept {
  if (stack.depth == 0) return {};
  std::size_t position = 0;
  std::uint32_t id = find(stack, position);
  if (id != 0) return {.id = id};
  if (get(storage_.entries) == capacity()) return {};
  const std::lock_guard guard(lock_);
  id = find(stack, position);  // somebody else may have been faster
  if (id != 0) return {.id = id};
  id = insert(stack, position);
  return {.id = id, .added = id == 0 ? nullptr : entry(id - 1)};
}

std::uint32_t Depot::insert(const WalkedStack& stack, std::size_t position) noexcept {
  const std::uint32_t number = storage_.entries;
  if (number == capacity()) return 0;
  if (number % storage_.chunk_entries == 0 &&
      storage_.directory[number / storage_.chunk_entries] == 0) {
    void* chunk = map_zeroed(storage_.chunk_entries * sizeof(coro_stack_entry));
    if (chunk == nullptr) return 0;
    put(storage_.directory[number / storage_.chunk_entries],
        reinterpret_cast<std::uint64_t>(chunk));
  }
  std::uint64_t* frames = store_frames(stack);
  if (frames == nullptr) return 0;
  coro_stack_entry& slot = *entry(number);
  slot.frames = reinterpret_cast<std::uint64_t>(frames);
  slot.depth = stack.depth;
  slot.flags = (stack.truncated ? CORO_STACK_TRUNCATED : 0) | (stack.cut ? CORO_STACK_CUT : 0);
  std::atomic_ref(storage_.entries).store(number + 1, std::memory_order_release);
  storage_.index[position].store(index_element(stack.hash, number + 1), std::memory_order_release);
  return number + 1;
}

std::uint64_t* Depot::store_frames(const WalkedStack& stack) noexcept {
  constexpr std::size_t arena_words = 8192;
  if (frames_left_ < stack.depth) {
    frames_ = static_cast<std::uint64_t*>(map_zeroed(arena_words * sizeof(std::uint64_t)));
    frames_left_ = frames_ == nullptr ? 0 : arena_words;
    if (frames_ == nullptr) return nullptr;
  }
  std::uint64_t* stored = frames_;
  std::copy_n(stack.frames, stack.depth, stored);
  frames_ += stack.depth;
  frames_left_ -= stack.depth;
  return stored;
}

}  // namespace coro::detail
