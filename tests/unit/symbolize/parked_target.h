// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "park_here.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "util/fd.h"

namespace coroscope {

// ParkedTarget runs a parked_program until it is destroyed. The constructor
// returns when the program has parked; valid() tells whether it did.
class ParkedTarget {
 public:
  explicit ParkedTarget(const std::string& path, const std::vector<std::string>& arguments = {});
  ParkedTarget(const ParkedTarget&) = delete;
  ParkedTarget& operator=(const ParkedTarget&) = delete;
  ~ParkedTarget();

  bool valid() const { return memory_.has_value(); }
  // Lets it go on until it parks again.
  bool next();
  void kill();

  const Parked& parked() const { return parked_; }
  const Process& process() const { return *process_; }
  const Memory& memory() const { return *memory_; }
  // A copy of its stack from parked().sp up to the stack's end.
  std::vector<std::byte> stack() const;

 private:
  bool wait_parked();

  pid_t pid_ = -1;
  Fd to_;
  Fd from_;
  Parked parked_;
  std::optional<Process> process_;
  std::optional<ProcessMemory> memory_;
};

// The line of parked_program.cpp that is marked "// line: <mark>".
uint32_t marked_line(const std::string& mark);

}  // namespace coroscope
