// SPDX-License-Identifier: Apache-2.0
// Looks at a process by memory and /proc alone: needs no probe, so no BPF, and
// no symbols.
#pragma once

#include <memory>

#include "model/vitals.h"
#include "proc/memory.h"
#include "proc/process.h"
#include "targets/target.h"
#include "util/result.h"

namespace coroscope {

class VitalsReader {
 public:
  // Finds the runtime of a process. Errors as of Observation::open.
  static Result<std::unique_ptr<VitalsReader>> open(pid_t pid);

  // Error: target_gone.
  Result<VitalsSample> take();

  const Process& process() const { return process_; }
  const Target& target() const { return *target_; }

 private:
  VitalsReader(Process process, ProcessMemory memory)
      : process_(std::move(process)), memory_(std::move(memory)) {}

  Process process_;
  ProcessMemory memory_;
  std::unique_ptr<Target> target_;
};

}  // namespace coroscope
