// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proc/process.h"
#include "util/result.h"

namespace coroscope {

// One line of /proc/PID/maps.
struct Mapping {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t offset = 0;  // into the file
  bool readable = false;
  bool writable = false;
  bool executable = false;
  uint64_t device = 0;  // major << 32 | minor
  uint64_t inode = 0;   // 0: no file
  std::string path;     // as the kernel prints it, without " (deleted)"; may be empty
  bool deleted = false;
};

// A malformed line is left out, and counted in *skipped if given. Never throws
// for what `text` holds.
std::vector<Mapping> parse_maps(std::string_view text, size_t* skipped = nullptr);

// Errors: environment if we may not look, target_gone if it ended.
Result<std::vector<Mapping>> read_maps(const Process& process);

// The mapping that holds `address`, or null. `mappings` ascend, as the kernel gives them.
const Mapping* find_mapping(const std::vector<Mapping>& mappings, uint64_t address);

}  // namespace coroscope
