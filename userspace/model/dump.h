// SPDX-License-Identifier: Apache-2.0
// A dump: every coroutine of a process as one census found it, with stacks in
// words. Plain data that needs no process any more: queries and encoders take it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/records.h"
#include "model/reported.h"

namespace coroscope {

// DumpedStack is shared by those who are there.
struct DumpedStack {
  ReportedStack frames;  // empty: not known
  std::string cut;       // why it does not lead to the outermost frame; empty if it does

  bool complete() const { return !frames.empty() && cut.empty(); }
};

// DumpRecord is one coroutine. Small: there may be millions.
struct DumpRecord {
  uint64_t id = 0;
  uint64_t parent_id = 0;  // 0: started from outside of any coroutine
  uint64_t object = 0;     // address it waits on; 0: none, or it does not wait
  uint64_t wait_ns = 0;    // so far; 0 if it does not wait
  uint64_t age_ns = 0;     // since birth
  uint32_t slot = 0;       // in the target's table
  SpawnStack spawn_stack = 0;
  ParkedStack parked_stack = no_parked_stack;
  Reason reason = 0;  // 0 if it does not wait
  Activity activity = Activity::runnable;
  bool annotated = false;  // has a name or labels
};

// DumpDetail is what is asked for one coroutine at a time, when it is shown.
struct DumpDetail {
  struct Label {
    std::string key;
    std::string value;
  };
  std::string name;  // may be empty
  std::vector<Label> labels;
  std::string cause;                      // "no receiver"; "" if the waited object does not tell
  std::vector<std::string> select_cases;  // of a select: what would end it, a line each
};

struct Dump {
  pid_t pid = 0;
  std::string command;
  std::string runtime;
  uint32_t workers = 0;
  uint64_t taken_unix_ns = 0;  // when, since 1970
  uint64_t census_ns = 0;      // how long reading took
  std::vector<DumpRecord> records;
  std::map<Reason, std::string> reasons;  // of the records
  std::map<ParkedStack, DumpedStack> parked_stacks;
  std::map<SpawnStack, DumpedStack> spawn_stacks;

  uint64_t system = 0;  // coroutines of the runtime itself, not among the records
  CensusLosses losses;
  uint64_t stacks_unread = 0;  // parked stacks that moved meanwhile, or made no sense
  uint64_t stacks_cut = 0;     // and those not followed to the outermost frame
  uint64_t stacks_lost = 0;    // spawn stacks that the runtime itself had no room for
  uint32_t other_copies = 0;   // of the runtime in this process, not looked at
  bool gone = false;           // the process ended before all names were read

  // The share of coroutines that are in the records, 0..1; 1 only if none was lost.
  double completeness() const;
  uint64_t count(Activity activity) const;
  // "chan send", or what it does instead: "running".
  std::string reason_of(Activity activity, Reason reason) const;
  // Never null: of a stack that is not known, one without frames.
  const DumpedStack& parked_stack(ParkedStack id) const;
  const DumpedStack& spawn_stack(SpawnStack id) const;
};

}  // namespace coroscope
