// SPDX-License-Identifier: Apache-2.0
// What is said about one target in the end: verdicts with their evidence, in
// words and numbers, ready for an encoder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "detect/judge.h"
#include "detect/projection.h"
#include "detect/withheld.h"
#include "model/ledger.h"
#include "model/reported.h"

namespace coroscope {

// ReportRules is what a reader asks for.
struct ReportRules {
  uint64_t patience_ns = default_patience_ns;
  double floor = default_completeness_floor;
  bool all = false;  // steady populations, too
};

struct ReportedFinding {
  Judgement judgement;
  std::string reason;                // "chan send"; "" if the members do not wait in one place
  std::string cause;                 // "no receiver"; "" if nothing tells
  std::vector<std::string> because;  // what speaks for the cause, a line each
  std::vector<std::string> chain;    // of what is stuck: who waits for whom, a line each
  std::string fix;                   // what usually repairs it; "" if nothing does
  uint64_t live = 0;
  uint64_t joined = 0;            // members ever
  uint64_t left = 0;              // of those, not there any more
  uint64_t oldest_wait_ns = 0;    // 0: none waits
  uint64_t oldest_age_ns = 0;     // of the oldest member
  uint64_t example_id = 0;        // that member
  SpawnStack spawn_stack_id = 0;  // 0: they were born in several places
  bool several_places = false;    // parked_at is then where most of them are
  bool several_births = false;    // spawned_at is then where most of them were born
  ReportedStack parked_at;
  ReportedStack spawned_at;
  std::vector<std::string> select_cases;  // of a select: what would end it, a line each
  ReportedNames named;
  std::optional<ReportedLabel> label;    // if populations are told apart by one; main place's
  bool several_labels = false;           // `label` is then what most of them say
  std::optional<Projection> projection;  // of a leak
  bool withheld = false;                 // see TargetReport::withheld
};

// IgnoredRow is an entry of the allow list, and what it took out.
struct IgnoredRow {
  std::string asks;     // "top '^read_row$'"
  std::string source;   // "--ignore-top", "allow.json entry 2"
  std::string reason;   // why; may be empty
  std::string expires;  // its last day; empty: none
  bool expired = false;
  uint64_t findings = 0;
  uint64_t coroutines = 0;
};

// ReportedWaits is where a process spends its waiting, if it was asked to tell: of waits that
// began and ended while it was watched.
struct ReportedWaits {
  struct Place {
    SpawnStack stack_id = 0;  // in the target's depot; 0: it had no room there
    ReportedStack at;
    uint64_t ended = 0;
    uint64_t parked_ns = 0;
  };
  bool asked = false;
  std::vector<Place> places;  // the longest first
  uint64_t other_places = 0;
  uint64_t ended = 0;  // in all places
  uint64_t parked_ns = 0;
  // Further ones, of which no place was told: of tasks, of who waited before anybody asked,
  // and where the target had no room for the stack.
  uint64_t unplaced = 0;
  uint64_t unplaced_ns = 0;
};

struct TargetReport {
  pid_t pid = 0;
  pid_t inner_pid = 0;  // in its own PID namespace; 0: the same
  std::string command;
  std::string runtime;
  uint32_t workers = 0;
  uint64_t watched_ns = 0;  // from the first census to the last
  uint64_t censuses = 0;
  uint64_t patience_ns = 0;  // that was had with what grows
  uint64_t populations = 0;  // ever seen
  bool gone = false;         // the process ended while it was watched
  Account account;
  uint64_t stacks_unread = 0;  // parked stacks that the last census could not read
  uint64_t stacks_cut = 0;     // and those it could not follow to the end
  bool judged = false;         // watched for long enough to say anything
  double floor = 0;            // of the completeness: below it verdicts are withheld
  std::vector<ReportedFinding> findings;
  ReportedWaits waits;
  std::vector<IgnoredRow> ignored;   // of each entry of the allow list
  std::vector<std::string> remarks;  // what a reader has to know to trust this

  // Too much was lost: a verdict, or that there is none, may be an effect of that.
  bool withheld() const { return account.completeness() < floor; }

  bool has_fault() const {
    if (withheld()) return false;
    for (const ReportedFinding& finding : findings) {
      if (is_fault(finding.judgement.verdict)) return true;
    }
    return false;
  }
};

}  // namespace coroscope
