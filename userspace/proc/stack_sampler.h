// SPDX-License-Identifier: Apache-2.0
// Where the threads of a process run, by the kernel's profiler: nobody stops the process,
// and registers and stack are of one moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "proc/process.h"
#include "util/result.h"

namespace coroscope {

// StackSample is where one thread was in its own code. `stack` begins at sp, and is as much
// of it as the kernel copied.
struct StackSample {
  uint64_t pc = 0;
  uint64_t sp = 0;
  // What a function gives back as it got it, by DWARF number.
  std::vector<std::pair<uint8_t, uint64_t>> registers;
  std::span<const std::byte> stack;
};

// Shows `look` samples of all threads that use a processor, until it has seen what it
// wants and returns true, or `most_ns` have passed. False: it did not. Errors:
// environment, if there is no profiler to be had.
Result<bool> sample_stacks(const Process& process, uint64_t most_ns,
                           const std::function<bool(const StackSample&)>& look);

}  // namespace coroscope
