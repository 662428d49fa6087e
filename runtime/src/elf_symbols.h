// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace coro::detail {

struct ElfSymbol {
  std::string_view name;
  std::uint64_t value = 0;
};

// The address, as the file counts them, of what lies at `offset` in it; `offset`
// itself if the file is not ELF.
std::uint64_t elf_address(std::span<const std::byte> file, std::uint64_t offset) noexcept;

// The function that `address` is in, by .symtab, or .dynsym in a stripped file;
// an empty name: not known. Reads nothing outside of `file`, whatever it holds.
ElfSymbol elf_function(std::span<const std::byte> file, std::uint64_t address) noexcept;

}  // namespace coro::detail
