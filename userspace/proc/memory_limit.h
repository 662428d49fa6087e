// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proc/process.h"

namespace coroscope {

// MemoryLeft is how many bytes a process may still take before something stops it.
struct MemoryLeft {
  uint64_t bytes = 0;
  bool of_cgroup = false;  // else of the host
};

// The least of what its control groups (version 2, memory.max and memory.current, up to the
// root) and the host (MemAvailable) leave it. Nothing if the kernel does not tell.
std::optional<MemoryLeft> memory_left(const Process& process);

// For tests: the same, with the text of /proc/PID/cgroup, the folder where the control groups
// are, and the text of /proc/meminfo.
std::optional<MemoryLeft> memory_left(const std::string& cgroup, const std::string& root,
                                      const std::string& meminfo);

}  // namespace coroscope
