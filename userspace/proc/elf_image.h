// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "proc/memory.h"

namespace coroscope {

// The headers of an ELF image in a target's memory, checked as far as that
// goes without the rest: 64 bits, our byte order, bounded tables.
struct ElfImage {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
};

enum class ElfVerdict { good, not_elf, other_word_size, malformed };

ElfVerdict read_elf_image(const Memory& memory, uint64_t address, ElfImage* image);

}  // namespace coroscope
