// SPDX-License-Identifier: Apache-2.0
// The ledger joins the two planes: baseline (from the census) + events (from
// the kernel) = what is alive now. Whatever could not be accounted is in it too.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "model/records.h"

namespace coroscope {

// Baseline is, by spawn stack, what was there when counting began. After a resync it is what
// the events do not explain, which may be less than nothing.
struct BaselineCount {
  int64_t live = 0;
  int64_t parked = 0;
};
using Baseline = std::unordered_map<SpawnStack, BaselineCount>;

// Settles who was there before counting began, so that each coroutine is
// counted once. Requires that counting and noting into the window began before
// the census, and that the window was read after it. With C the coroutines of
// the census, and S and E those whose spawn and exit the window noted, the
// baseline is (C u E) \ S: an exit without its spawn was alive, and so was
// whoever the census found without having seen it born. The same for parked:
// whose first noted event is an unpark was parked, and so is whoever the
// census found parked of whom no park or unpark was noted. Of `sample` coroutines one counts
// for all when it comes to waiting: see wire_sampled.
Baseline settle_baseline(const Census& census, std::span<const WindowEvent> window,
                         uint32_t sample = 1);

// The same after a resync: `counted` are the kernel's counters as they were when counting
// began again.
Baseline rebase(const Baseline& settled, const Counters& counted, uint32_t sample);

// StackBalance is the account of one spawn stack.
struct StackBalance {
  SpawnStack spawn_stack = 0;
  int64_t baseline = 0;
  int64_t baseline_parked = 0;
  int64_t live = 0;    // baseline + spawned - exited
  int64_t parked = 0;  // parked at the baseline + parks - unparks
  StackCounters events{};
};

// Losses is everything that makes the account uncertain, by cause. The first
// group means coroutines or events; the second leaves the totals exact but not
// their attribution to stacks and populations.
struct Losses {
  CensusLosses census;             // of the census that made the baseline
  CensusLosses latest;             // of the latest one, which the populations come from
  uint64_t window_full = 0;        // events during the attach that may be counted twice or not
  uint64_t bad_arguments = 0;      // probe arguments that could not be read
  uint64_t missed_runs = 0;        // runs of a BPF program that the kernel skipped
  uint64_t events_unread = 0;      // events in batches that could not be read
  uint64_t events_missed = 0;      // events in batches that did not come, or had no room
  uint64_t events_skipped = 0;     // events while a census made good what was lost
  uint64_t rings_unread = 0;       // workers of whom it is not known what waits to be told
  uint64_t unaccounted = 0;        // coroutines that an audit found to differ from the account
  uint64_t unaccounted_parks = 0;  // and parked ones

  uint64_t stack_unmapped = 0;   // events of stacks beyond the map
  uint64_t stacks_lost = 0;      // spawns whose stack did not fit the target's depot
  uint64_t members_dropped = 0;  // coroutines of the latest census beyond the bound on populations

  uint64_t total() const {
    return census.total() + latest.total() + window_full + bad_arguments + missed_runs +
           events_unread + events_missed + events_skipped + rings_unread + unaccounted +
           unaccounted_parks + stack_unmapped + stacks_lost + members_dropped;
  }
};

// Account is the ledger's state at one moment.
struct Account {
  std::vector<StackBalance> stacks;  // those that ever had a coroutine, by spawn stack id
  SpawnStack slots = 0;              // ids from here on are balanced together, as stack 0
  int64_t baseline = 0;              // alive before counting began
  uint64_t spawned = 0;
  uint64_t exited = 0;
  int64_t live = 0;
  int64_t parked = 0;  // of births: as the latest census found it
  ProbeMode mode = ProbeMode::full;
  uint32_t sample = 1;  // parks, unparks and their durations are of one coroutine in so many,
                        // times that
  Losses losses;

  // The share of coroutines and events that are accounted for, 0..1; 1 only
  // if nothing at all was lost.
  double completeness() const;
};

struct Observed {
  ProbeMode mode = ProbeMode::classic;
  uint32_t sample = 1;
};
Account balance(const Baseline& baseline, const Counters& counters, const Losses& known,
                const Observed& observed = {});

// What a census found, by stack; those from `slots` on together, as stack 0.
Baseline found_in(const Census& census, SpawnStack slots);

// The account of a process without events: what a census found.
Account account_of(const Baseline& found, SpawnStack slots, const Losses& known);

// Puts into an account that knows of no waits what a census found of them.
void take_parks_from(const Baseline& found, Account& account);

// Audit is what a census found that the events can not explain; 0 unless
// something was missed.
struct Audit {
  uint64_t live = 0;
  uint64_t parked = 0;
};

// Compares a census with the account on both sides of it: for each spawn stack
// the number that the census found has to lie in the range that the events
// before and after it allow. What the census itself could not see is allowed for.
Audit audit(const Account& before, const Census& census, const Account& after);

}  // namespace coroscope
