// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <span>

#include "coro/abi.h"
#include "coro/detail/spin_lock.h"

namespace coro::detail {

// Table hands out coroutine headers. Slabs of them are mapped on demand and
// never unmapped, so an observer may read any address that it once found.
// Thread-safe. There is one for the process, table(); tests make small ones.
class Table {
 public:
  // `directory` takes the slabs' addresses, `slabs` counts those in use.
  constexpr Table(std::span<std::uint64_t> directory, std::uint32_t& slabs,
                  std::uint32_t slab_headers) noexcept
      : directory_(directory), slabs_(slabs), slab_headers_(slab_headers) {}

  // A header in state FREE, owned by the caller. Throws std::length_error when
  // the table is full and std::bad_alloc when memory is.
  coro_header& take();

  // Takes a header in state FREE back.
  void give(coro_header& header) noexcept;

 private:
  void add_slab();

  std::span<std::uint64_t> directory_;
  std::uint32_t& slabs_;
  std::uint32_t slab_headers_;
  SpinLock lock_;
  coro_header* free_ = nullptr;   // linked through saved_sp: of no meaning in a FREE slot
  coro_header* fresh_ = nullptr;  // never used so far, up to the end of the last slab
  std::uint32_t fresh_count_ = 0;
};

Table& table() noexcept;

}  // namespace coro::detail
