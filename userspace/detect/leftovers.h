// SPDX-License-Identifier: Apache-2.0
// What `verify` says: the coroutines that a command left behind, in words and numbers.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "detect/report.h"
#include "model/dump.h"
#include "model/records.h"
#include "model/reported.h"

namespace coroscope {

// LeftGroup is those with the same state, reason, parked stack and spawn stack.
struct LeftGroup {
  uint64_t count = 0;
  Activity activity = Activity::parked;
  std::string wait;  // "chan send", or what it does instead: "running"
  uint64_t shortest_wait_ns = 0;
  uint64_t longest_wait_ns = 0;
  uint64_t oldest_age_ns = 0;
  uint64_t example_id = 0;
  DumpDetail example;
  ReportedNames named;
  DumpedStack parked_at;
  DumpedStack spawned_at;
};

// LeftProcess is one process that was looked at.
struct LeftProcess {
  pid_t pid = 0;
  pid_t inner_pid = 0;
  std::string command;
  std::string runtime;
  uint64_t live = 0;
  uint64_t before = 0;         // were there at the start
  uint64_t ignored = 0;        // are on the allow list
  uint64_t may_be_ending = 0;  // ran, or were about to, when it ended
  std::vector<LeftGroup> groups;
  double completeness = 1;
  CensusLosses losses;
  uint64_t stacks_unread = 0;
  uint32_t other_copies = 0;

  uint64_t left() const {
    uint64_t sum = 0;
    for (const LeftGroup& group : groups) sum += group.count;
    return sum;
  }
};

struct VerifyReport {
  std::string command;
  int command_code = 0;     // as a shell has it: 128 and the signal's number for one that killed it
  std::string command_end;  // how it failed: "exit code 3", "signal 11 (Segmentation fault)"
  bool at_marker = false;   // looked at while it ran
  std::vector<LeftProcess> processes;  // with coroutines of their own
  std::vector<IgnoredRow> ignored;
  uint64_t seen = 0;                // processes
  uint64_t failed = 0;              // with coroutines, but not judged: they failed
  uint64_t running = 0;             // lived on after the command: not judged
  std::vector<std::string> unread;  // processes that could not be looked at, and why

  uint64_t left() const {
    uint64_t sum = 0;
    for (const LeftProcess& process : processes) sum += process.left();
    return sum;
  }
};

}  // namespace coroscope
