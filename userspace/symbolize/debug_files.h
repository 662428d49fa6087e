// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "util/fd.h"

namespace coroscope {

// Opens a regular file to read. Never waits: the target may have put a FIFO or a
// device there. `flags` as for open(2), beside what this needs itself.
Fd open_regular(const std::string& path, int flags = 0);

// What an ELF file would take in memory beyond itself once its compressed
// sections are needed; UINT64_MAX if it is no ELF file that one should read:
// it is not whole, too large, or inflates beyond all reason.
uint64_t inflated_size(int fd);
uint64_t inflated_size(Elf* elf);

// Where the debug information of a module may lie.
struct DebugFileQuery {
  int module_file = -1;     // never its own debug file; -1 if it is not open
  std::string module_path;  // as the target sees it
  std::string target_root;  // /proc/PID/root
  std::span<const std::byte> build_id;
  std::string debug_link;  // of .gnu_debuglink; empty if there is none
  uint32_t checksum = 0;   // of the whole file, from .gnu_debuglink
};

// The first file that has the build id, else (there is none) the checksum.
// An invalid Fd if there is none. *path is where it was found.
Fd find_debug_file(const DebugFileQuery& query, std::string* path);

// Whether a file that came from elsewhere is what is looked for.
bool is_debug_file(int fd, const DebugFileQuery& query);

// The file that .gnu_debugaltlink names; it must have the build id.
Fd find_alternate_file(const DebugFileQuery& query, std::string* path);

}  // namespace coroscope
