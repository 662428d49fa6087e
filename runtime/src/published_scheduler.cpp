// SPDX-License-Identifier: Apache-2.0
#include "published_scheduler.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <new>

#include "coro/detail/spin_lock.h"
#include "descriptor.h"
#include "lifecycle.h"

namespace coro::detail {
namespace {

constinit SpinLock lock;
constinit std::uint64_t last_id = 0;

// How many workers the memory of a slot has room for, in whole pages.
std::size_t room(std::size_t workers) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (workers * CORO_WORKER_STRIDE + page - 1) / page * page / CORO_WORKER_STRIDE;
}

std::size_t capacities[CORO_SCHEDULERS];

void* map_workers(std::size_t count) {
  void* memory = mmap(nullptr, count * CORO_WORKER_STRIDE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

// A free slot, best one whose memory is large enough already; nullptr: none.
coro_scheduler* find_slot(std::size_t workers) {
  coro_scheduler* found = nullptr;
  for (std::size_t i = 0; i < CORO_SCHEDULERS; ++i) {
    if (coro_schedulers[i].id != 0) continue;
    if (capacities[i] >= workers) return &coro_schedulers[i];
    if (found == nullptr || capacities[i] == 0) found = &coro_schedulers[i];
  }
  return found;
}

}  // namespace

PublishedScheduler::PublishedScheduler(std::size_t workers) : figures_(&unlisted_) {
  const std::lock_guard guard(lock);
  coro_scheduler* slot = find_slot(workers);
  std::size_t* capacity = slot == nullptr ? nullptr : &capacities[slot - coro_schedulers];
  // A block that is too small stays mapped: who reads it must not fault.
  if (capacity == nullptr || *capacity < workers) {
    void* memory = map_workers(room(workers));
    if (capacity != nullptr) *capacity = room(workers);
    if (slot != nullptr) put(slot->workers, reinterpret_cast<std::uint64_t>(memory));
    if (slot == nullptr) unlisted_.workers = reinterpret_cast<std::uint64_t>(memory);
  } else {
    for (std::size_t i = 0; i < workers; ++i) {
      std::memset(reinterpret_cast<void*>(slot->workers + i * CORO_WORKER_STRIDE), 0,
                  sizeof(coro_worker));
    }
  }
  if (slot == nullptr) {
    std::atomic_ref(coro_descriptor.schedulers_lost).fetch_add(1, std::memory_order_relaxed);
  } else {
    figures_ = slot;
  }
  put(figures_->worker_count, static_cast<std::uint32_t>(workers));
  put(figures_->idle, std::uint32_t{0});
  put(figures_->spinning, std::uint32_t{0});
  put(figures_->threads, std::uint32_t{0});
  put(figures_->global_length, std::uint64_t{0});
  put(figures_->timers, std::uint64_t{0});
  put(figures_->blocking, std::uint64_t{0});
  put(figures_->spawned, std::uint64_t{0});
  std::atomic_ref(figures_->id).store(++last_id, std::memory_order_release);
}

PublishedScheduler::~PublishedScheduler() {
  if (figures_ == &unlisted_) {
    std::atomic_ref(coro_descriptor.schedulers_lost).fetch_sub(1, std::memory_order_relaxed);
    munmap(reinterpret_cast<void*>(unlisted_.workers),
           room(unlisted_.worker_count) * CORO_WORKER_STRIDE);
    return;
  }
  const std::lock_guard guard(lock);
  put(figures_->id, std::uint64_t{0});
}

void* PublishedScheduler::worker(std::size_t index) noexcept {
  return reinterpret_cast<std::byte*>(figures_->workers) + index * CORO_WORKER_STRIDE;
}

}  // namespace coro::detail
