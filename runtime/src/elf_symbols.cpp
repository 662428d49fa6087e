// SPDX-License-Identifier: Apache-2.0
#include "elf_symbols.h"

#include <elf.h>

#include <cstring>

namespace coro::detail {
namespace {

using File = std::span<const std::byte>;

// A copy: nothing in a file has to be aligned.
template <class T>
bool read(File file, std::uint64_t offset, T& to) noexcept {
  if (offset > file.size() || file.size() - offset < sizeof to) return false;
  std::memcpy(&to, file.data() + offset, sizeof to);
  return true;
}

bool read_header(File file, Elf64_Ehdr& header) noexcept {
  return read(file, 0, header) && std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
         header.e_ident[EI_CLASS] == ELFCLASS64;
}

bool find_section(File file, std::uint32_t type, Elf64_Shdr& section) noexcept {
  Elf64_Ehdr header;
  if (!read_header(file, header)) return false;
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    if (!read(file, header.e_shoff + i * sizeof section, section)) return false;
    if (section.sh_type == type) return true;
  }
  return false;
}

// The strings of a symbol table.
File strings_of(File file, const Elf64_Shdr& symbols) noexcept {
  Elf64_Ehdr header;
  Elf64_Shdr strings;
  if (!read_header(file, header) ||
      !read(file, header.e_shoff + symbols.sh_link * sizeof strings, strings) ||
      strings.sh_offset > file.size() || strings.sh_size > file.size() - strings.sh_offset) {
    return {};
  }
  return file.subspan(strings.sh_offset, strings.sh_size);
}

std::string_view text_at(File strings, std::uint64_t offset) noexcept {
  if (offset >= strings.size()) return {};
  const auto* text = reinterpret_cast<const char*>(strings.data() + offset);
  return {text, strnlen(text, strings.size() - offset)};
}

ElfSymbol search(File file, const Elf64_Shdr& section, std::uint64_t address) noexcept {
  const File strings = strings_of(file, section);
  ElfSymbol found;
  Elf64_Sym symbol;
  for (std::uint64_t at = 0; at + sizeof symbol <= section.sh_size; at += sizeof symbol) {
    if (!read(file, section.sh_offset + at, symbol)) break;
    const bool function = ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != 0;
    if (!function || address < symbol.st_value || address - symbol.st_value >= symbol.st_size) {
      continue;
    }
    found = {.name = text_at(strings, symbol.st_name), .value = symbol.st_value};
    break;
  }
  return found;
}

}  // namespace

std::uint64_t elf_address(File file, std::uint64_t offset) noexcept {
  Elf64_Ehdr header;
  if (!read_header(file, header)) return offset;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!read(file, header.e_phoff + i * sizeof segment, segment)) break;
    if (segment.p_type == PT_LOAD && offset >= segment.p_offset &&
        offset - segment.p_offset < segment.p_filesz) {
      return offset - segment.p_offset + segment.p_vaddr;
    }
  }
  return offset;
}

ElfSymbol elf_function(File file, std::uint64_t address) noexcept {
  Elf64_Shdr section;
  if (find_section(file, SHT_SYMTAB, section) || find_section(file, SHT_DYNSYM, section)) {
    return search(file, section, address);
  }
  return {};
}

}  // namespace coro::detail
