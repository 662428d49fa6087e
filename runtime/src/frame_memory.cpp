// SPDX-License-Identifier: Apache-2.0
// Memory for the frames of tasks: each thread keeps those that it freed, by size,
// up to a bound, in front of the allocator. They may be freed on another thread
// than they came from.
#include <array>
#include <cstddef>
#include <new>
#include <utility>

#include "coro/detail/promise.h"
#include "sanitizer.h"

namespace coro::detail {
namespace {

constexpr std::size_t size_step = 16;
constexpr std::size_t size_classes = 64;       // frames of up to 1 KiB
constexpr std::size_t bytes_kept = 16 * 1024;  // of each class, by each thread

struct FreeFrame {
  FreeFrame* next;
};

struct FreeList {
  FreeFrame* first = nullptr;
  std::size_t count = 0;
};

struct Cache {
  std::array<FreeList, size_classes> classes;
  ~Cache();
};

// Frames may be freed by destructors that run even after the cache's.
__attribute__((tls_model("initial-exec"))) thread_local constinit bool ended = false;
__attribute__((tls_model("initial-exec"))) thread_local constinit Cache cache;

Cache::~Cache() {
  ended = true;
  for (FreeList& list : classes) {
    while (list.first != nullptr) ::operator delete(std::exchange(list.first, list.first->next));
  }
}

constexpr std::size_t class_of(std::size_t size) noexcept {
  return (size - 1) / size_step;
}

// A sanitizer is to see each frame come and go.
constexpr bool cached = !(CORO_ASAN || CORO_TSAN);

}  // namespace

void* allocate_frame(std::size_t size) {
  const std::size_t index = class_of(size);
  if (!cached || index >= size_classes || ended) return ::operator new(size);
  FreeList& list = cache.classes[index];
  if (list.first == nullptr) return ::operator new((index + 1) * size_step);
  --list.count;
  return std::exchange(list.first, list.first->next);
}

void free_frame(void* frame, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (!cached || index >= size_classes || ended) return ::operator delete(frame);
  FreeList& list = cache.classes[index];
  if ((list.count + 1) * (index + 1) * size_step > bytes_kept) return ::operator delete(frame);
  list.first = ::new (frame) FreeFrame{list.first};
  ++list.count;
}

}  // namespace coro::detail
