// SPDX-License-Identifier: Apache-2.0
#include "frame_memory.h"

#include <array>
#include <new>
#include <utility>

#include "coro/detail/promise.h"
#include "sanitizer.h"

namespace coro::detail {
namespace {

constexpr std::size_t size_step = 16;
constexpr std::size_t size_classes = 64;  // frames of up to 1 KiB

constexpr std::size_t class_of(std::size_t size) noexcept {
  return (size - 1) / size_step;
}
constexpr std::size_t size_of(std::size_t index) noexcept {
  return (index + 1) * size_step;
}

struct Pools {
  constexpr Pools() noexcept {
    for (std::size_t i = 0; i < size_classes; ++i) of_class[i].set_frame_size(size_of(i));
  }
  FramePool of_class[size_classes];
};
constinit Pools pools;

// What a thread keeps for its next frames of each class.
struct Cache {
  static constexpr std::size_t bytes_most = 16 * 1024;

  std::array<FreeFrames, size_classes> classes;
  ~Cache();
};

// Frames may be freed by destructors that run even after the cache's.
__attribute__((tls_model("initial-exec"))) thread_local constinit bool cache_ended = false;
__attribute__((tls_model("initial-exec"))) thread_local constinit Cache cache;

Cache::~Cache() {
  cache_ended = true;
  for (std::size_t i = 0; i < size_classes; ++i)
    pools.of_class[i].give(classes[i], classes[i].count);
}

// A sanitizer is to see each frame come and go.
constexpr bool pooled = !(CORO_ASAN || CORO_TSAN);

__attribute__((noinline)) void* refill(std::size_t index) {
  constexpr std::size_t batch_most = 32;
  FreeFrames one;
  FreeFrames& frames = cache_ended ? one : cache.classes[index];
  pools.of_class[index].take(frames, cache_ended ? 1 : batch_most);
  return frames.pop();
}

__attribute__((noinline)) void give_back(void* frame, std::size_t index) noexcept {
  FreeFrames one;
  FreeFrames& frames = cache_ended ? one : cache.classes[index];
  frames.push(frame);
  pools.of_class[index].give(frames, cache_ended ? 1 : (frames.count + 1) / 2);
}

}  // namespace

void* allocate_frame(std::size_t size) {
  const std::size_t index = class_of(size);
  if (!pooled || index >= size_classes) return ::operator new(size);
  if (cache_ended || cache.classes[index].first == nullptr) return refill(index);
  return cache.classes[index].pop();
}

void free_frame(void* frame, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (!pooled || index >= size_classes) return ::operator delete(frame);
  FreeFrames& frames = cache.classes[index];
  if (cache_ended || (frames.count + 1) * size_of(index) > Cache::bytes_most) {
    return give_back(frame, index);
  }
  frames.push(frame);
}

}  // namespace coro::detail
