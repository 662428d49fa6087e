// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace coro::detail {

// Copies memory of this process that another thread may write, free or unmap at
// any time. False: not all of it could be read. Async-signal-safe.
bool read_own_memory(std::uint64_t address, void* to, std::size_t size) noexcept;

template <class T>
bool read_own_memory(std::uint64_t address, T& to) noexcept {
  return read_own_memory(address, &to, sizeof to);
}

// A text up to its NUL, or as much of it as can be read and has room. Of the
// program's static data, that is, of which nothing is known.
std::string_view read_own_text(std::uint64_t address, std::span<char> buffer) noexcept;

}  // namespace coro::detail
