// SPDX-License-Identifier: Apache-2.0
#include "stack_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <system_error>

#include "table.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

namespace coro::detail {
namespace {

constexpr std::size_t stacks_per_chunk = 64;

// Neighbouring stacks would keep their hot ends in the same cache sets; shifting
// each by a few lines spreads them, within the one page that is touched anyway.
constexpr std::size_t colours = 8;
constexpr std::size_t colour_step = 128;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Guard detect_guard(std::size_t page_size) {
  void* page = mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) fail("coro: no memory for a stack");
  const bool works = madvise(page, page_size, MADV_GUARD_INSTALL) == 0;
  munmap(page, page_size);
  return works ? Guard::marker : Guard::protect;
}

// So that the push_back that follows cannot throw.
template <class T>
void make_room(std::vector<T>& vector) {
  if (vector.size() == vector.capacity()) vector.reserve(2 * vector.size() + 64);
}

}  // namespace

StackPool::StackPool(SchedulerCore* scheduler, std::size_t stack_size, Guard guard)
    : scheduler_(scheduler),
      page_size_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))),
      stack_size_(
          std::max((stack_size + page_size_ - 1) / page_size_ * page_size_, 4 * page_size_)),
      guard_(guard == Guard::automatic ? detect_guard(page_size_) : guard),
      carved_(stacks_per_chunk) {}

StackPool::~StackPool() {
  for (Fiber* fiber : fibers_) {
    table().give(*fiber->header);
    fiber->~Fiber();
  }
  for (std::byte* chunk : chunks_) munmap(chunk, stacks_per_chunk * stack_size_);
}

void StackPool::take(std::vector<Fiber*>& fibers, std::size_t count) {
  const std::lock_guard guard(mutex_);
  if (idle_.empty()) {
    Fiber& fiber = carve();
    idle_.push_back(&fiber);
  }
  const std::size_t taken = std::min(count, idle_.size());
  fibers.insert(fibers.end(), idle_.end() - static_cast<std::ptrdiff_t>(taken), idle_.end());
  idle_.resize(idle_.size() - taken);
}

void StackPool::give(std::span<Fiber* const> fibers) noexcept {
  const std::lock_guard guard(mutex_);
  idle_.insert(idle_.end(), fibers.begin(), fibers.end());  // there is room for all
}

void StackPool::map_chunk() {
  const std::size_t size = stacks_per_chunk * stack_size_;
  make_room(chunks_);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) {
    const int error = errno;
    throw std::system_error(error, std::generic_category(),
                            "coro: no address space for more coroutine stacks of " +
                                std::to_string(stack_size_ / 1024) +
                                " KiB each (SchedulerOptions::stack_size), with " +
                                std::to_string(fibers_.size()) + " in use");
  }
  // A huge page under a stack would make one touched page into 2 MiB.
  madvise(memory, size, MADV_NOHUGEPAGE);
  chunks_.push_back(static_cast<std::byte*>(memory));
  carved_ = 0;
}

Fiber& StackPool::carve() {
  if (carved_ == stacks_per_chunk) map_chunk();
  make_room(fibers_);
  idle_.reserve(fibers_.capacity());
  std::byte* base = chunks_.back() + carved_ * stack_size_;
  const bool guarded = guard_ == Guard::marker ? madvise(base, page_size_, MADV_GUARD_INSTALL) == 0
                                               : mprotect(base, page_size_, PROT_NONE) == 0;
  if (!guarded) {
    fail(
        "coro: cannot guard a coroutine stack (without MADV_GUARD_INSTALL each stack needs two "
        "mappings: raise vm.max_map_count)");
  }
  coro_header& header = table().take();

  const std::size_t shift = sizeof(Fiber) + carved_ % colours * colour_step;
  auto top = reinterpret_cast<std::uintptr_t>(base + stack_size_ - shift);
  top &= ~std::uintptr_t{63};
  auto* fiber = ::new (reinterpret_cast<void*>(top)) Fiber;
  fiber->header = &header;
  fiber->scheduler = scheduler_;
  fiber->stack_low = base + page_size_;
  fiber->stack_high = reinterpret_cast<std::byte*>(top);
  ++carved_;
  fibers_.push_back(fiber);
  return *fiber;
}

}  // namespace coro::detail
