// SPDX-License-Identifier: Apache-2.0
// Which processes of the host run coroutines.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "proc/process.h"

namespace coroscope::daemon {

// Discovery looks into each process once, and again when it runs another program, or, more and
// more rarely, because a library with a runtime may have been loaded meanwhile.
class Discovery {
 public:
  // Of the processes that there are now, those that run coroutines and were not told before.
  // `now_ns`: CLOCK_MONOTONIC.
  std::vector<pid_t> scan(uint64_t now_ns);

  // Tells `pid` again, after `wait_ns` at the earliest, if it is still there.
  void again(pid_t pid, uint64_t now_ns, uint64_t wait_ns);
  // Tells all of them again: others are wanted now.
  void forget_all() { known_.clear(); }

  // Processes that may not be looked into, as of the last scan.
  uint64_t not_allowed() const { return not_allowed_; }
  uint64_t processes() const { return known_.size(); }

 private:
  struct Known {
    uint64_t start_ticks = 0;
    uint64_t program = 0;  // its file; 0: not known
    uint64_t wait_ns = 0;  // between the last two looks
    uint64_t next_ns = 0;  // when to look again; never once it was told
    bool not_allowed = false;
    uint64_t scan = 0;  // that saw it last
  };

  bool runs_coroutines(pid_t pid, Known& known) const;

  std::unordered_map<pid_t, Known> known_;
  uint64_t scans_ = 0;
  uint64_t not_allowed_ = 0;
};

}  // namespace coroscope::daemon
