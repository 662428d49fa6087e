// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <sys/mman.h>

#include <atomic>
#include <new>
#include <stdexcept>
#include <string>

#include "descriptor.h"
#include "lifecycle.h"

namespace coro::detail {
namespace {

constinit Table process_table(coro_table_directory, coro_descriptor.table_slabs,
                              CORO_TABLE_SLAB_HEADERS);

}  // namespace

Table& table() noexcept {
  return process_table;
}

coro_header& Table::take() {
  const std::lock_guard guard(lock_);
  if (free_ != nullptr) {
    coro_header& header = *free_;
    free_ = reinterpret_cast<coro_header*>(get(header.saved_sp));
    put(header.saved_sp, std::uint64_t{0});
    return header;
  }
  if (fresh_count_ == 0) add_slab();
  --fresh_count_;
  return *fresh_++;
}

void Table::give(coro_header& header) noexcept {
  const std::lock_guard guard(lock_);
  put(header.saved_sp, reinterpret_cast<std::uint64_t>(free_));
  free_ = &header;
}

void Table::add_slab() {
  if (slabs_ == directory_.size()) {
    throw std::length_error("coro: more than " + std::to_string(directory_.size() * slab_headers_) +
                            " coroutines at once: the coroutine table is full");
  }
  void* memory = mmap(nullptr, sizeof(coro_header) * slab_headers_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  fresh_ = static_cast<coro_header*>(memory);  // zero pages: FREE, id 0
  fresh_count_ = slab_headers_;
  put(directory_[slabs_], reinterpret_cast<std::uint64_t>(memory));
  std::atomic_ref<std::uint32_t>(slabs_).store(slabs_ + 1, std::memory_order_release);
}

}  // namespace coro::detail
