// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proc/maps.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "util/result.h"

namespace coroscope {

// One ELF file that the target runs code of. All of it comes from the target's
// own memory, so it is also true for a file that was deleted or replaced.
struct Module {
  struct Segment {
    uint64_t address = 0;  // in the target
    uint64_t size = 0;
  };

  std::string path;       // as in maps; "[vdso]" for the kernel's own
  std::string open_path;  // opens the very file that is mapped; empty if none does
  uint64_t start = 0;     // of the lowest load segment, page aligned
  uint64_t end = 0;       // one past the highest
  uint64_t bias = 0;      // address in the target minus address in the file
  bool main_executable = false;
  bool deleted = false;  // the path no longer leads to the file
  std::vector<Segment> note_segments;
  std::vector<std::byte> build_id;  // empty if it has none

  bool contains(uint64_t address) const { return address >= start && address < end; }
};

// Ascending by start. What looks like a module and is nonsense is left out.
// Errors: as read_maps, and target_bad for a program of another word size.
Result<std::vector<Module>> list_modules(const Process& process, const Memory& memory);

// The same from mappings already at hand; open_path and main_executable are not filled in.
std::vector<Module> modules_in(const std::vector<Mapping>& mappings, const Memory& memory);

const Module* find_module(const std::vector<Module>& modules, uint64_t address);

struct ElfNote {
  std::string owner;
  uint32_t type = 0;
  uint64_t description_address = 0;  // in the target
  std::vector<std::byte> description;
};

// Bounds for what one module may hold in notes; what is beyond is not read.
inline constexpr size_t max_note_bytes = 64 << 10;
inline constexpr size_t max_notes = 1024;

std::vector<ElfNote> read_notes(const Memory& memory, const Module& module);

// Lower case hex, as tools print a build id.
std::string hex(const std::vector<std::byte>& bytes);

}  // namespace coroscope
