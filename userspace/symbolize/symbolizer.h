// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proc/memory.h"
#include "proc/modules.h"
#include "proc/process.h"
#include "symbolize/frame.h"
#include "util/result.h"

namespace coroscope {

class DebugModules;

// Symbolizer names the code addresses of one process, from DWARF, else from
// the symbol table, else as module + offset. The files of the target are opened
// at once, so it goes on working when the target has ended. One thread at a time.
class Symbolizer {
 public:
  // `process` and `memory` must outlive the symbolizer.
  static Result<std::unique_ptr<Symbolizer>> open(const Process& process, const Memory& memory);
  ~Symbolizer();

  // The frames at `pc`, innermost inlined function first; the last is the
  // physical function. Never empty. A return address is looked up at pc - 1,
  // the call it returns to. The reference is good until the next call.
  const std::vector<Frame>& frames(uint64_t pc, bool is_return_address);

  // Gives back the memory that debug information takes, if nothing new was looked up for so long
  // that to read it again is no matter: three seconds, and a hundred times of what reading it took.
  // Whether it did. What was looked up is known all the same. `now_ns`: of CLOCK_MONOTONIC.
  // `soon`: others have much of it as well: ten times of what reading it took will do.
  bool rest(uint64_t now_ns, bool soon = false);
  // Whether there is some to give back.
  bool rests() const;

  const std::vector<Module>& modules() const;

  // For the unwinder, which reads the same files.
  DebugModules& debug_modules() { return *debug_modules_; }

 private:
  struct State;

  explicit Symbolizer(std::unique_ptr<DebugModules> debug_modules);

  std::unique_ptr<DebugModules> debug_modules_;
  std::unique_ptr<State> state_;
};

}  // namespace coroscope
