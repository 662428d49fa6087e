// SPDX-License-Identifier: Apache-2.0
#include "proc/modules.h"

#include <elf.h>
#include <fmt/format.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "proc/elf_image.h"

namespace coroscope {
namespace {

constexpr size_t max_modules = 4096;

uint64_t page_mask() {
  static const uint64_t mask = ~(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) - 1);
  return mask;
}

// Whether code of the file is mapped where its headers say. A file that is
// only read through a mapping (as debuggers do) is thus no module.
bool runs_code(const std::vector<Mapping>& mappings, const Mapping& first, const ElfImage& image,
               uint64_t bias) {
  for (const Elf64_Phdr& segment : image.segments) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const Mapping* code = find_mapping(mappings, bias + segment.p_vaddr);
    if (code == nullptr || !code->executable) continue;
    // Some programs move their text to anonymous huge pages: no inode then.
    if (code->inode == 0 || (code->inode == first.inode && code->device == first.device)) {
      return true;
    }
  }
  return false;
}

// Fills in where the segments lie. False if the numbers can not be true.
bool place_segments(const Mapping& first, const ElfImage& image, Module* module) {
  const Elf64_Phdr* lowest = nullptr;
  for (const Elf64_Phdr& segment : image.segments) {
    if (segment.p_type == PT_LOAD && lowest == nullptr) lowest = &segment;
  }
  // The headers were found at `first.start`, which holds the file from
  // offset 0 on; only a first segment that begins there too can be placed.
  if (lowest == nullptr || (lowest->p_offset & page_mask()) != first.offset) return false;
  module->start = first.start;
  module->bias = first.start - (lowest->p_vaddr & page_mask());
  module->end = first.end;
  for (const Elf64_Phdr& segment : image.segments) {
    const uint64_t address = module->bias + segment.p_vaddr;
    uint64_t end = 0;
    const bool wraps = __builtin_add_overflow(address, segment.p_memsz, &end);
    if (segment.p_type == PT_LOAD) {
      if (wraps || address < module->start) return false;
      module->end = std::max(module->end, end);
    } else if (segment.p_type == PT_NOTE && !wraps && address >= module->start) {
      module->note_segments.push_back({address, segment.p_memsz});
    }
  }
  const uint64_t end = module->end;
  std::erase_if(module->note_segments,
                [end](const Module::Segment& note) { return note.address + note.size > end; });
  return true;
}

std::optional<Module> module_at(const std::vector<Mapping>& mappings, const Mapping& first,
                                const Memory& memory) {
  ElfImage image;
  if (read_elf_image(memory, first.start, &image) != ElfVerdict::good) return std::nullopt;
  if (image.header.e_type != ET_EXEC && image.header.e_type != ET_DYN) return std::nullopt;
  Module module;
  if (!place_segments(first, image, &module)) return std::nullopt;
  if (!runs_code(mappings, first, image, module.bias)) return std::nullopt;
  module.path = first.path;
  module.deleted = first.deleted;
  for (ElfNote& note : read_notes(memory, module)) {
    if (note.type != NT_GNU_BUILD_ID || note.owner != "GNU" || note.description.size() > 64) {
      continue;
    }
    module.build_id = std::move(note.description);
    break;
  }
  return module;
}

bool may_begin_module(const Mapping& mapping) {
  if (!mapping.readable || mapping.offset != 0) return false;
  return mapping.path == "[vdso]" || (mapping.inode != 0 && mapping.path.starts_with('/'));
}

// --- which file opens as the one that is mapped

// True if `path` is now the file of `mapping`. Stacked file systems show
// another device in maps than in stat; the path and inode have to do then.
bool is_mapped_file(const std::string& path, const Mapping& mapping) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_ino == mapping.inode;
}

bool same_device(const std::string& path, const Mapping& mapping) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return false;
  return (uint64_t{gnu_dev_major(status.st_dev)} << 32 | gnu_dev_minor(status.st_dev)) ==
         mapping.device;
}

// The paths to try for one mapping, best first.
std::string find_open_path(const Process& process, const Mapping& mapping) {
  const std::array candidates{
      process.proc_path("exe"),
      process.proc_path("root") + mapping.path,
      process.proc_path(fmt::format("map_files/{:x}-{:x}", mapping.start, mapping.end).c_str()),
  };
  for (const std::string& path : candidates) {
    if (is_mapped_file(path, mapping) && same_device(path, mapping)) return path;
  }
  if (!mapping.deleted && is_mapped_file(candidates[1], mapping)) return candidates[1];
  return {};
}

uint64_t auxiliary_value(const std::string& auxv, uint64_t type) {
  for (size_t at = 0; at + sizeof(Elf64_auxv_t) <= auxv.size(); at += sizeof(Elf64_auxv_t)) {
    Elf64_auxv_t entry{};
    std::memcpy(&entry, auxv.data() + at, sizeof entry);
    if (entry.a_type == type) return entry.a_un.a_val;
  }
  return 0;
}

Error no_code(const Process& process, const std::vector<Mapping>& mappings, const Memory& memory) {
  for (const Mapping& mapping : mappings) {
    ElfImage image;
    if (mapping.offset == 0 && mapping.readable && mapping.inode != 0 &&
        read_elf_image(memory, mapping.start, &image) == ElfVerdict::other_word_size) {
      return {ErrorKind::target_bad,
              fmt::format("{} is a 32-bit program; coroscope reads 64-bit programs only",
                          process.describe())};
    }
  }
  return {ErrorKind::target_bad,
          fmt::format("{} has no program in its memory{}", process.describe(),
                      process.kernel_thread() ? ": it is a kernel thread" : "")};
}

}  // namespace

std::vector<Module> modules_in(const std::vector<Mapping>& mappings, const Memory& memory) {
  std::vector<Module> modules;
  for (const Mapping& mapping : mappings) {
    if (modules.size() == max_modules) break;
    if (!may_begin_module(mapping)) continue;
    // Inside of one that was found: a part of it, whatever it looks like.
    if (!modules.empty() && mapping.start < modules.back().end) continue;
    if (std::optional<Module> module = module_at(mappings, mapping, memory)) {
      modules.push_back(std::move(*module));
    }
  }
  return modules;
}

Result<std::vector<Module>> list_modules(const Process& process, const Memory& memory) {
  const Result<std::vector<Mapping>> mappings = read_maps(process);
  if (!mappings) return mappings.error();
  std::vector<Module> modules = modules_in(*mappings, memory);
  const bool only_vdso = modules.size() == 1 && modules[0].path == "[vdso]";
  if (modules.empty() || only_vdso) {
    return process.ending() ? process.gone() : no_code(process, *mappings, memory);
  }

  std::string auxv;
  (void)read_text_file(process.proc_path("auxv"), &auxv, 64 << 10);
  const uint64_t headers = auxiliary_value(auxv, AT_PHDR);
  for (Module& module : modules) {
    module.main_executable = headers != 0 && module.contains(headers);
    const Mapping* first = find_mapping(*mappings, module.start);
    if (first->inode != 0) module.open_path = find_open_path(process, *first);
  }
  if (process.ending()) return process.gone();
  return modules;
}

const Module* find_module(const std::vector<Module>& modules, uint64_t address) {
  const auto after =
      std::upper_bound(modules.begin(), modules.end(), address,
                       [](uint64_t value, const Module& module) { return value < module.start; });
  if (after == modules.begin()) return nullptr;
  const Module& module = *(after - 1);
  return module.contains(address) ? &module : nullptr;
}

}  // namespace coroscope
