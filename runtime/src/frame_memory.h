// SPDX-License-Identifier: Apache-2.0
// Memory for the frames of tasks. Frames are small, many and of few sizes, so they
// come from slabs, without a word of overhead each. Each thread has a cache in front
// of the slabs; a frame may be freed on another thread than it came from.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

#include "coro/detail/spin_lock.h"

namespace coro::detail {

// FreeFrames is a list of frames of one size that are not in use.
struct FreeFrames {
  struct Node {
    Node* next;
  };

  void push(void* frame) noexcept {
    first = ::new (frame) Node{first};
    ++count;
  }
  void* pop() noexcept {
    --count;
    return std::exchange(first, first->next);
  }

  Node* first = nullptr;
  std::size_t count = 0;
};

// FramePool has the slabs for frames of one size. A slab without a frame in use goes
// back to the system, but for the last one. Thread-safe.
class FramePool {
 public:
  static constexpr std::size_t slab_size = 64 * 1024;

  constexpr FramePool() noexcept = default;
  constexpr void set_frame_size(std::size_t size) noexcept { frame_size_ = size; }

  // Adds up to `most` frames, at least one. Throws std::bad_alloc.
  void take(FreeFrames& frames, std::size_t most);
  // Takes back `count` frames.
  void give(FreeFrames& frames, std::size_t count) noexcept;

  // Slabs that are mapped.
  [[nodiscard]] std::size_t slabs() noexcept;

 private:
  struct Slab;

  void add_slab();
  void link(Slab& slab) noexcept;
  void unlink(Slab& slab) noexcept;
  void give_one(void* frame) noexcept;

  SpinLock lock_;
  std::size_t frame_size_ = 0;
  Slab* usable_ = nullptr;  // slabs with room
  std::size_t slabs_ = 0;
};

}  // namespace coro::detail
