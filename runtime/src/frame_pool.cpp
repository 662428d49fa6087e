// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>

#include <cstdint>
#include <mutex>

#include "frame_memory.h"

namespace coro::detail {

// At the beginning of its memory, which is aligned to its size: that is how it is
// found from a frame.
struct FramePool::Slab {
  FreeFrames free;
  std::size_t fresh;  // offset of what was never handed out
  std::size_t used;   // frames handed out
  Slab* next;
  Slab* previous;

  [[nodiscard]] bool has_room(std::size_t size) const noexcept {
    return free.first != nullptr || fresh + size <= slab_size;
  }
  void* take(std::size_t size) noexcept {
    ++used;
    if (free.first != nullptr) return free.pop();
    void* frame = reinterpret_cast<std::byte*>(this) + fresh;
    fresh += size;
    return frame;
  }
  static Slab& of(void* frame) noexcept {
    return *reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(frame) & ~(slab_size - 1));
  }
};

namespace {

void* map_aligned(std::size_t size) {
  void* memory = mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* low = static_cast<std::byte*>(memory);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(low) & (size - 1);
  if (before != 0) munmap(low, before);
  munmap(low + before + size, size - before);
  return low + before;
}

}  // namespace

void FramePool::take(FreeFrames& frames, std::size_t most) {
  const std::lock_guard guard(lock_);
  if (usable_ == nullptr) add_slab();
  Slab& slab = *usable_;
  do {
    frames.push(slab.take(frame_size_));
  } while (--most > 0 && slab.has_room(frame_size_));
  if (!slab.has_room(frame_size_)) unlink(slab);
}

void FramePool::give(FreeFrames& frames, std::size_t count) noexcept {
  const std::lock_guard guard(lock_);
  while (count-- > 0) give_one(frames.pop());
}

void FramePool::give_one(void* frame) noexcept {
  Slab& slab = Slab::of(frame);
  const bool was_full = !slab.has_room(frame_size_);
  slab.free.push(frame);
  --slab.used;
  if (was_full) link(slab);
  if (slab.used != 0 || (usable_ == &slab && slab.next == nullptr)) return;
  unlink(slab);
  munmap(&slab, slab_size);
  --slabs_;
}

std::size_t FramePool::slabs() noexcept {
  const std::lock_guard guard(lock_);
  return slabs_;
}

void FramePool::add_slab() {
  constexpr std::size_t alignment = 64;
  constexpr std::size_t first = (sizeof(Slab) + alignment - 1) / alignment * alignment;
  link(*::new (map_aligned(slab_size))
           Slab{.free = {}, .fresh = first, .used = 0, .next = nullptr, .previous = nullptr});
  ++slabs_;
}

void FramePool::link(Slab& slab) noexcept {
  slab.previous = nullptr;
  slab.next = usable_;
  if (usable_ != nullptr) usable_->previous = &slab;
  usable_ = &slab;
}

void FramePool::unlink(Slab& slab) noexcept {
  (slab.previous != nullptr ? slab.previous->next : usable_) = slab.next;
  if (slab.next != nullptr) slab.next->previous = slab.previous;
}

}  // namespace coro::detail
