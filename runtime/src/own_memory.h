// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace coro::detail {

// Copies memory of this process that another thread may write, free or unmap at
// any time. False: not all of it could be read. Async-signal-safe.
bool read_own_memory(std::uint64_t address, void* to, std::size_t size) noexcept;

template <class T>
bool read_own_memory(std::uint64_t address, T& to) noexcept {
  return read_own_memory(address, &to, sizeof to);
}

}  // namespace coro::detail
