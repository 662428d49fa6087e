// SPDX-License-Identifier: Apache-2.0
// The ledger of one process under observation: what its probes tell, from a census on.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bpf/kernel_counters.h"
#include "model/batches.h"
#include "model/ledger.h"
#include "proc/process.h"
#include "targets/target.h"
#include "util/result.h"

namespace coroscope {

// ProbePlan is what of a process is observed, and how.
struct ProbePlan {
  ProbeMode mode = ProbeMode::classic;
  uint32_t sample = 1;         // parks and unparks of one coroutine in so many
  bool parked_stacks = false;  // the target tells where its coroutines park; of mode full
  // What was lost is made good by a new baseline, which costs a census: not more often.
  uint64_t resync_every_ns = 10'000'000'000;
};

// Accounting counts from a moment on, and knows who was there at that moment.
//
// Events one by one begin to count when a word in the kernel changes. Events in batches
// have happened before they come: there the moment is a time, that of the events, which
// never goes backwards from one event of a coroutine to its next, on whatever worker. So
// that no batch was handed over too early, it lies a little ahead; and so does the one at
// which noting by coroutine ends. What then still waits in the rings is read from there.
class Accounting {
 public:
  // `process` and `target` outlive it.
  Accounting(const Process& process, Target& target) : process_(process), target_(target) {}
  ~Accounting() { detach(); }
  Accounting(const Accounting&) = delete;
  Accounting& operator=(const Accounting&) = delete;

  // Attaches, takes a census, and joins both. Once only. Without a kernel nothing is
  // attached (ProbeMode::census).
  Result<void> begin(const ProbePlan& plan, std::shared_ptr<KernelCounters> kernel);

  // A census between two looks at the counters, one checked by the other. What was lost is
  // made good by a new baseline.
  Result<Census> check(const std::function<Result<Census>()>& take_census);

  // A look at the counters alone. target_gone as of a census.
  Result<void> glance();

  // The counters once more. Exact while the target is quiet.
  Account now() const;
  // As of the last check or close.
  const Account& last() const { return account_; }
  void close();
  // Probes off; closes the account if that was not done.
  void detach();
  // The same of several, which takes no longer than of one.
  static void detach_all(const std::vector<Accounting*>& accountings);

  // Of the latest census, beyond the bound on populations.
  void dropped_members(uint64_t count);

  const ProbePlan& plan() const { return plan_; }
  uint64_t resyncs() const { return resyncs_; }
  // What the target told of parked stacks, by id; empty if it was not asked.
  const std::vector<ParkCounters>& parks() const { return parks_; }

 private:
  struct Look {
    Counters least;  // nothing twice
    Counters most;   // nothing left out
    std::vector<uint64_t> workers;
    uint64_t rings_unread = 0;
  };

  bool in_batches() const { return plan_.mode == ProbeMode::full; }
  Result<Baseline> count_from_now();
  Result<Noted> close_window();
  WorkerMarks marks_at_rest(const EventRings& rings);
  void begin_workers();
  void correct_workers(const WorkerMarks& marks);
  Look look() const;
  Account account_of(const Counters& counters, uint64_t rings_unread) const;
  // Makes it the account.
  void settle(const Look& seen);
  Result<void> keep_up(const Look& seen, bool after_census);
  void forget_workers(const Look& seen, bool after_census);
  void release();
  Result<void> resync();

  const Process& process_;
  Target& target_;
  ProbePlan plan_;
  std::shared_ptr<KernelCounters> kernel_;  // while attached
  uint32_t slot_ = 0;
  EventChoice choice_;
  Baseline baseline_;
  Baseline found_;  // of births: who waits, as the latest census found it
  Losses losses_;
  Account account_;
  std::vector<ParkCounters> parks_;
  uint64_t unsettled_ = 0;         // events that were being counted when a window closed
  std::vector<uint64_t> workers_;  // at the last look
  uint64_t highest_worker_ = 0;    // of these and those before
  uint64_t lost_before_ = 0;       // the kernel's events_lost() as of the last baseline
  uint64_t synced_ns_ = 0;
  uint64_t resyncs_ = 0;
};

}  // namespace coroscope
