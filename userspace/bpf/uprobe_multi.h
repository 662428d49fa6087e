// SPDX-License-Identifier: Apache-2.0
// Links that attach one program to several probes of a process (BPF_TRACE_UPROBE_MULTI, Linux 6.6).
//
// Beside one perf event for each probe, which is the way of before, such links are attached and
// taken out at once and side by side (perf events go one at a time through the whole host), and
// take no CAP_SYS_ADMIN. This libbpf (1.1) has none of them: so the system call is made here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "util/fd.h"

struct bpf_program;

namespace coroscope {

struct UprobePlace {
  uint64_t offset = 0;     // in the file
  uint64_t semaphore = 0;  // in the file; 0: none
  uint64_t cookie = 0;
};

// Whether this kernel has them, and such that all threads of a process are seen: before 6.10 (and
// 6.6.33), it was the main thread alone.
bool uprobe_multi_works();

// Has a program loaded such that it can be linked so. Before its object is loaded.
void load_as_uprobe_multi(bpf_program* program);

// Attaches `program` (loaded so) to the places, in their order, in the file at `path` as
// process `pid` has it mapped. Nothing, and errno, if that failed: then none is attached.
Fd link_uprobes(int program, const std::string& path, const std::vector<UprobePlace>& places,
                pid_t pid);

}  // namespace coroscope
