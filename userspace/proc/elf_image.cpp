// SPDX-License-Identifier: Apache-2.0
#include "proc/elf_image.h"

#include <bit>
#include <cstring>

namespace coroscope {
namespace {

constexpr size_t max_segments = 256;
constexpr unsigned char our_data =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

}  // namespace

ElfVerdict read_elf_image(const Memory& memory, uint64_t address, ElfImage* image) {
  Elf64_Ehdr& header = image->header;
  if (!memory.read_value(address, &header)) return ElfVerdict::not_elf;
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return ElfVerdict::not_elf;
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return ElfVerdict::other_word_size;
  if (header.e_ident[EI_DATA] != our_data || header.e_phentsize != sizeof(Elf64_Phdr) ||
      header.e_phnum == 0 || header.e_phnum > max_segments) {
    return ElfVerdict::malformed;
  }
  uint64_t table = 0;
  if (__builtin_add_overflow(address, header.e_phoff, &table)) return ElfVerdict::malformed;
  image->segments.resize(header.e_phnum);
  const size_t size = image->segments.size() * sizeof(Elf64_Phdr);
  return memory.read(table, image->segments.data(), size) ? ElfVerdict::good
                                                          : ElfVerdict::malformed;
}

}  // namespace coroscope
