// SPDX-License-Identifier: Apache-2.0
#include "symbolize/debug_files.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>

#include "proc/modules.h"

namespace coroscope {
namespace {

constexpr uint64_t max_file = uint64_t{8} << 30;
constexpr uint64_t max_checked = uint64_t{1} << 30;  // to read for a checksum
constexpr size_t debug_link_max = 255;

using ElfPointer = std::unique_ptr<Elf, int (*)(Elf*)>;

ElfPointer read_elf(int fd) {
  char magic[SELFMAG];
  // libdw would also take a compressed file, or an archive.
  if (::pread(fd, magic, sizeof magic, 0) != sizeof magic ||
      std::memcmp(magic, ELFMAG, SELFMAG) != 0) {
    return {nullptr, elf_end};
  }
  elf_version(EV_CURRENT);
  return {elf_begin(fd, ELF_C_READ, nullptr), elf_end};
}

bool has_build_id(int fd, std::span<const std::byte> expected) {
  const ElfPointer elf = read_elf(fd);
  const void* id = nullptr;
  const ssize_t size = elf ? dwelf_elf_gnu_build_id(elf.get(), &id) : -1;
  return size > 0 && static_cast<size_t>(size) == expected.size() &&
         std::memcmp(id, expected.data(), expected.size()) == 0;
}

// The checksum that .gnu_debuglink has: CRC-32 as in zlib.
bool has_checksum(int fd, uint32_t expected) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> made{};
    for (uint32_t i = 0; i < made.size(); i++) {
      made[i] = i;
      for (int bit = 0; bit < 8; bit++)
        made[i] = made[i] >> 1 ^ (0xedb88320u & (0u - (made[i] & 1)));
    }
    return made;
  }();
  std::vector<unsigned char> bytes(1 << 18);
  uint32_t sum = UINT32_MAX;
  uint64_t at = 0;
  for (; at < max_checked;) {
    const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (got < 0) return false;
    if (got == 0) break;
    for (ssize_t i = 0; i < got; i++) {
      sum = table[(sum ^ bytes[static_cast<size_t>(i)]) & 0xff] ^ sum >> 8;
    }
    at += static_cast<uint64_t>(got);
  }
  return at < max_checked && ~sum == expected;
}

bool fits(int fd, const DebugFileQuery& query) {
  return query.build_id.empty() ? has_checksum(fd, query.checksum)
                                : has_build_id(fd, query.build_id);
}

// Links are names of the target's; absolute ones must lead to its own files.
std::vector<std::string> candidates(const DebugFileQuery& query) {
  std::vector<std::string> paths;
  const std::string_view module(query.module_path);
  const std::string directory(module.substr(0, std::min(module.rfind('/') + 1, module.size())));
  const std::string id = hex({query.build_id.begin(), query.build_id.end()});
  const bool linked = !query.debug_link.empty() && query.debug_link.size() <= debug_link_max &&
                      query.debug_link.find('/') == std::string::npos && directory.starts_with('/');
  for (const std::string& root : {std::string(), query.target_root}) {
    if (id.size() > 2) {
      paths.push_back(root + "/usr/lib/debug/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) +
                      ".debug");
    }
    if (!linked) continue;
    for (const char* place : {"", ".debug/"}) {
      paths.push_back(root + directory + place + query.debug_link);
    }
    paths.push_back(root + "/usr/lib/debug" + directory + query.debug_link);
    paths.push_back(root + "/usr/lib/debug/" + query.debug_link);
  }
  return paths;
}

bool same_file(int a, int b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

Fd first_that_fits(const std::vector<std::string>& paths, const DebugFileQuery& query,
                   std::string* path) {
  for (const std::string& candidate : paths) {
    Fd fd = open_regular(candidate);
    if (!fd || same_file(fd.get(), query.module_file)) continue;
    if (!is_debug_file(fd.get(), query)) continue;
    *path = candidate;
    return fd;
  }
  return {};
}

// Reads bytes of a file. libelf would read a section as a whole, which may be larger than our
// memory, to tell how large it is when inflated.
using ReadAt = std::function<bool(uint64_t offset, void* to, size_t size)>;

// A section's size once it is read; UINT64_MAX if that is absurd.
uint64_t section_size(const GElf_Shdr& header, std::string_view name, const ReadAt& read) {
  constexpr uint64_t max_ratio = 256;  // real sections inflate some ten times
  constexpr uint64_t small = 1 << 20;
  // LZMA can make gigabytes of one megabyte, and does not say so beforehand.
  constexpr uint64_t max_lzma = 256 << 10;
  constexpr uint64_t lzma_ratio = 7000;
  uint64_t size = 0;
  if ((header.sh_flags & SHF_COMPRESSED) != 0) {
    Elf64_Chdr compressed{};
    if (!read(header.sh_offset, &compressed, sizeof compressed)) return UINT64_MAX;
    size = compressed.ch_size;
  } else if (name.starts_with(".zdebug")) {
    std::array<uint8_t, 12> begin{};  // "ZLIB", and the size from its highest byte on
    if (!read(header.sh_offset, begin.data(), begin.size())) return UINT64_MAX;
    for (size_t i = 4; i < begin.size(); i++) size = size << 8 | begin[i];
  } else if (name == ".gnu_debugdata") {
    return header.sh_size > max_lzma ? UINT64_MAX : header.sh_size * lzma_ratio;
  } else {
    return 0;
  }
  return size > small && size / max_ratio > header.sh_size ? UINT64_MAX : size;
}

// Of this machine's kind: sizes are read as they are.
bool is_native(const unsigned char* ident) {
  return std::memcmp(ident, ELFMAG, SELFMAG) == 0 && ident[EI_CLASS] == ELFCLASS64 &&
         ident[EI_DATA] == ELFDATA2LSB;
}

// What libelf reads as a whole, or inflates, for its names and notes: of real files a few KB.
constexpr uint64_t max_read = 16 << 20;

bool has_sane_names(Elf* elf, size_t names) {
  GElf_Shdr header{};
  return gelf_getshdr(elf_getscn(elf, names), &header) != nullptr && header.sh_size <= max_read &&
         (header.sh_flags & SHF_COMPRESSED) == 0;
}

bool has_sane_notes(Elf* elf) {
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return false;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr segment{};
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) return false;
    if (segment.p_type == PT_NOTE && segment.p_filesz > max_read) return false;
  }
  return true;
}

// Of all sections together.
uint64_t inflated_size(Elf* elf, const ReadAt& read) {
  constexpr uint64_t max_inflated = uint64_t{4} << 30;
  GElf_Ehdr file{};
  if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &file) == nullptr) return UINT64_MAX;
  if (!is_native(file.e_ident) || !has_sane_notes(elf)) return UINT64_MAX;
  size_t names = 0;
  const bool named = elf_getshdrstrndx(elf, &names) == 0 && names != SHN_UNDEF;
  if (named && !has_sane_names(elf, names)) return UINT64_MAX;
  uint64_t total = 0;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header{};
    if (gelf_getshdr(section, &header) == nullptr) return UINT64_MAX;
    if (header.sh_type == SHT_NOTE && header.sh_size > max_read) return UINT64_MAX;
    const char* name = named ? elf_strptr(elf, names, header.sh_name) : nullptr;
    const uint64_t size = section_size(header, name == nullptr ? "" : name, read);
    if (size == UINT64_MAX || (total += size) > max_inflated) return UINT64_MAX;
  }
  return total;
}

// libelf makes room for as many sections, and segments, as the file has room for, if it says that
// their number is in the first section: no file of a process has more than fit in the header.
bool has_sane_header(int fd) {
  Elf64_Ehdr header{};
  return ::pread(fd, &header, sizeof header, 0) == sizeof header && is_native(header.e_ident) &&
         (header.e_shnum != 0 || header.e_shoff == 0) && header.e_phnum != PN_XNUM;
}

}  // namespace

Fd open_regular(const std::string& path, int flags) {
  // Twice: the open of a device may have an effect, so the kind is looked at first.
  struct stat status {};
  const Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC | flags));
  if (!place || ::fstat(place.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags));
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return fd;
}

uint64_t inflated_size(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || status.st_size < 0) return UINT64_MAX;
  if (static_cast<uint64_t>(status.st_size) > max_file) return UINT64_MAX;
  if (!has_sane_header(fd)) return UINT64_MAX;
  const ElfPointer elf = read_elf(fd);
  if (!elf) return UINT64_MAX;
  return inflated_size(elf.get(), [fd](uint64_t offset, void* to, size_t size) {
    return ::pread(fd, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
  });
}

uint64_t inflated_size(Elf* elf) {
  size_t bytes = 0;
  const char* image = elf_rawfile(elf, &bytes);
  if (image == nullptr) return UINT64_MAX;
  return inflated_size(elf, [&](uint64_t offset, void* to, size_t size) {
    if (offset > bytes || bytes - offset < size) return false;
    std::memcpy(to, image + offset, size);
    return true;
  });
}

bool is_debug_file(int fd, const DebugFileQuery& query) {
  return inflated_size(fd) != UINT64_MAX && fits(fd, query);
}

Fd find_debug_file(const DebugFileQuery& query, std::string* path) {
  if (query.build_id.empty() && query.debug_link.empty()) return {};
  return first_that_fits(candidates(query), query, path);
}

Fd find_alternate_file(const DebugFileQuery& query, std::string* path) {
  if (query.build_id.empty()) return {};
  DebugFileQuery by_id = query;
  by_id.debug_link.clear();
  std::vector<std::string> paths = candidates(by_id);
  const std::string& link = query.debug_link;
  const std::string directory = query.module_path.substr(0, query.module_path.rfind('/') + 1);
  const std::string place = link.starts_with('/') ? link : directory + link;
  if (!link.empty() && place.starts_with('/')) {
    paths.push_back(place);
    paths.push_back(query.target_root + place);
  }
  return first_that_fits(paths, query, path);
}

}  // namespace coroscope
