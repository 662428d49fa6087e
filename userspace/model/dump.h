// SPDX-License-Identifier: Apache-2.0
// A dump: every coroutine of a process as one census found it, with stacks in
// words. Plain data that needs no process any more: queries and encoders take it.
#pragma once

#include <sys/types.h>

#include <compare>
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

// DumpPlace is where some wait: those of a group of parked ones.
struct DumpPlace {
  SpawnStack spawn_stack = 0;
  ParkedStack parked_stack = no_parked_stack;
  Reason reason = 0;

  auto operator<=>(const DumpPlace&) const = default;
};

inline DumpPlace place_of(const DumpRecord& record) {
  return {record.spawn_stack, record.parked_stack, record.reason};
}

// DumpVerdict is what is wrong with those who wait at one place, as far as looking at them
// once tells. In words.
struct DumpVerdict {
  std::string verdict;               // "stuck", "may leak"
  std::string cause;                 // "no channel"; empty if nothing tells
  std::vector<std::string> because;  // what speaks for it, a line each
  std::vector<std::string> chain;    // who waits for whom, a line each
  std::string fix;                   // what usually repairs it; empty if nothing does
};

struct Dump {
  pid_t pid = 0;
  pid_t inner_pid = 0;  // in its own PID namespace; 0: the same
  // Tells this process from all others of all hosts, before and after; empty if
  // not known. Ids mean the same coroutines in two dumps only if this is the same.
  std::string process;
  std::string command;
  std::string runtime;
  uint32_t workers = 0;
  uint64_t taken_unix_ns = 0;  // when, since 1970 (UTC); 0: not known
  uint64_t uptime_ns = 0;      // how long the process had run; 0: not known
  uint64_t census_ns = 0;      // how long reading took
  std::vector<DumpRecord> records;
  std::map<Reason, std::string> reasons;  // of the records
  std::map<ParkedStack, DumpedStack> parked_stacks;
  std::map<SpawnStack, DumpedStack> spawn_stacks;
  std::map<DumpPlace, DumpVerdict> verdicts;  // if they were asked for: of few places

  // Of a dump that was saved in groups: there are as many records as there were
  // coroutines, but only one of each group is about somebody. The others have no id.
  bool only_groups = false;
  uint64_t left_out = 0;  // coroutines that filters or a limit kept out when it was saved

  uint64_t system = 0;  // coroutines of the runtime itself, not among the records
  CensusLosses losses;
  uint64_t stacks_unread = 0;  // parked stacks that moved meanwhile, or made no sense
  uint64_t stacks_cut = 0;     // and those not followed to the outermost frame
  uint64_t stacks_lost = 0;    // spawn stacks that the runtime itself had no room for
  uint32_t other_copies = 0;   // of the runtime in this process, not looked at
  bool gone = false;           // the process ended before all names were read

  uint64_t live() const { return records.size() + left_out; }
  // The share of live coroutines that were seen, 0..1; 1 only if none was lost.
  double completeness() const;
  uint64_t count(Activity activity) const;
  // "chan send", or what it does instead: "running".
  std::string reason_of(Activity activity, Reason reason) const;
  // Never null: of a stack that is not known, one without frames.
  const DumpedStack& parked_stack(ParkedStack id) const;
  const DumpedStack& spawn_stack(SpawnStack id) const;
  // Of the place where it waits; null if it does not, or there is none.
  const DumpVerdict* verdict_of(const DumpRecord& record) const;
};

// DumpDetails tells of single coroutines and groups of one dump.
class DumpDetails {
 public:
  virtual ~DumpDetails() = default;

  // The name and labels only.
  virtual DumpDetail names_of(const DumpRecord& record) = 0;
  // Also what is missing for its wait to end.
  virtual DumpDetail describe(const Dump& dump, const DumpRecord& record) = 0;
  // Of the members of a group, indices of records: all, or some from all over it.
  virtual ReportedNames count_names_of(const Dump& dump, const std::vector<uint32_t>& members) = 0;
  // Coroutines that have a name or labels, but had ended or changed too fast.
  virtual uint64_t unread() const = 0;
};

}  // namespace coroscope
