// SPDX-License-Identifier: Apache-2.0
#include "symbolize/alternate_dwarf.h"

#include <elf.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <utility>

namespace coroscope {
namespace {

// An ELF file in memory with a .debug_info that has no units.
struct EmptyFile {
  Elf64_Ehdr header{};
  char names[32] = "\0.shstrtab\0.debug_info";
  char units[8] = {};
  Elf64_Shdr sections[3]{};

  EmptyFile() {
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] =
        std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_version = EV_CURRENT;
    header.e_type = ET_DYN;
    header.e_ehsize = sizeof header;
    header.e_shoff = offsetof(EmptyFile, sections);
    header.e_shentsize = sizeof *sections;
    header.e_shnum = 3;
    header.e_shstrndx = 1;
    sections[1].sh_name = 1;
    sections[1].sh_type = SHT_STRTAB;
    sections[1].sh_offset = offsetof(EmptyFile, names);
    sections[1].sh_size = sizeof names;
    sections[2].sh_name = 11;
    sections[2].sh_type = SHT_PROGBITS;
    sections[2].sh_offset = offsetof(EmptyFile, units);
    sections[2].sh_size = sizeof units;
    for (Elf64_Shdr& section : sections) section.sh_addralign = 1;
  }
};

// Shared, and there to the end: it stands for whatever is missing.
Dwarf* empty_dwarf() {
  static EmptyFile file;
  static Dwarf* const dwarf = [] {
    elf_version(EV_CURRENT);
    Elf* elf = elf_memory(reinterpret_cast<char*>(&file), sizeof file);
    return elf == nullptr ? nullptr : dwarf_begin_elf(elf, DWARF_C_READ, nullptr);
  }();
  return dwarf;
}

}  // namespace

AlternateDwarf::~AlternateDwarf() {
  if (dwarf_ != nullptr) dwarf_end(dwarf_);
}

bool AlternateDwarf::attach(Dwarf* main, Fd file) {
  Dwarf* const empty = empty_dwarf();
  if (empty == nullptr) return false;
  file_ = std::move(file);
  if (file_) dwarf_ = dwarf_begin(file_.get(), DWARF_C_READ);
  if (dwarf_ != nullptr) dwarf_setalt(dwarf_, empty);
  dwarf_setalt(main, dwarf_ != nullptr ? dwarf_ : empty);
  return true;
}

}  // namespace coroscope
