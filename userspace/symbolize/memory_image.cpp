// SPDX-License-Identifier: Apache-2.0
#include "symbolize/memory_image.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "proc/elf_image.h"

namespace coroscope {
namespace {

constexpr uint64_t max_image = 64 << 20;

}  // namespace

std::vector<std::byte> read_file_image(const Memory& memory, const Module& module) {
  ElfImage elf;
  if (read_elf_image(memory, module.start, &elf) != ElfVerdict::good) return {};
  uint64_t size = 0;
  uint64_t loaded = 0;  // more than the size only where segments overlap, which they do not
  for (const Elf64_Phdr& segment : elf.segments) {
    if (segment.p_type != PT_LOAD) continue;
    uint64_t end = 0;
    if (__builtin_add_overflow(segment.p_offset, segment.p_filesz, &end)) return {};
    size = std::max(size, end);
    if (__builtin_add_overflow(loaded, segment.p_filesz, &loaded)) return {};
  }
  if (size < sizeof(Elf64_Ehdr) || size > max_image || loaded > max_image) return {};

  std::vector<std::byte> image(size);
  for (const Elf64_Phdr& segment : elf.segments) {
    if (segment.p_type != PT_LOAD) continue;
    const uint64_t address = module.bias + segment.p_vaddr;
    const bool read = memory.read(address, image.data() + segment.p_offset, segment.p_filesz);
    // Of the writable part only the dynamic section is of use, for symbols.
    if (!read && (segment.p_flags & PF_W) == 0) return {};
  }
  Elf64_Ehdr header{};
  std::memcpy(&header, image.data(), sizeof header);
  const uint64_t sections = uint64_t{header.e_shnum} * header.e_shentsize;
  if (header.e_shoff > size || sections > size - header.e_shoff) {
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = 0;
    std::memcpy(image.data(), &header, sizeof header);
  }
  return image;
}

}  // namespace coroscope
