// SPDX-License-Identifier: Apache-2.0
// Who is stuck in a process that is looked at only once, for a dump.
#pragma once

#include <functional>

#include "detect/stuck.h"
#include "model/dump.h"
#include "observe/wait_looks.h"
#include "observe/waiting.h"
#include "targets/target.h"
#include "util/result.h"

namespace coroscope {

// StuckLooks takes the two looks that tell who is stuck, one right after the other.
class StuckLooks {
 public:
  // `again` takes a census as short as can be: it needs no parked stacks. `target` must
  // outlive this. `ask`: what the threads of the process do.
  StuckLooks(const Target& target, std::function<Result<Census>()> again, AskThreads ask = {})
      : target_(target), again_(std::move(again)), ask_(std::move(ask)) {}

  // Right after the census that the dump is of.
  void look(const Census& census);

  // Adds a verdict for each place where all are stuck.
  void tell(const FramesOf& frames, Dump& dump) const;

 private:
  const Target& target_;
  std::function<Result<Census>()> again_;
  AskThreads ask_;
  StuckDetector detector_;
};

}  // namespace coroscope
