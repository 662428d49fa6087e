// SPDX-License-Identifier: Apache-2.0
// One process under observation: attach, then a tick at a time. Both planes
// meet here; what comes out of them is the model's and the detectors' business.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bpf/kernel_counters.h"
#include "detect/ignore.h"
#include "detect/projection.h"
#include "detect/report.h"
#include "detect/stuck.h"
#include "detect/tracking.h"
#include "model/ledger.h"
#include "observe/busy_stacks.h"
#include "observe/member_labels.h"
#include "observe/stack_names.h"
#include "proc/process.h"
#include "symbolize/symbolizer.h"
#include "targets/target.h"
#include "util/result.h"

namespace coroscope {

class Observation {
 public:
  // Finds the runtime of a process and opens its symbols. Touches nothing.
  static Result<std::unique_ptr<Observation>> open(pid_t pid, const JudgeRules& rules = {});
  ~Observation();

  // Slots of the kernel's stack map that this process wants.
  uint32_t stacks_wanted() const;

  // Attaches the probes, takes the census of who is there already, and joins
  // both. From then on `account()` is the truth. Once only. `kernel` may be
  // shared with other observations.
  Result<void> attach(std::shared_ptr<KernelCounters> kernel);

  // Takes a census and the kernel's counters, checks one by the other, and
  // follows the populations. target_gone once the process has ended,
  // runs another program, or has lost its main thread.
  Result<void> tick();

  // Everything alive now, with parked stacks; needs no attach, so no BPF.
  Result<Census> take_census();
  // The same without parked stacks, which is much shorter.
  Result<Census> take_short_census() { return target_->census({}); }

  // When the process began; never 0. Before the clock did is as good as 1.
  uint64_t process_began_ns() const;

  // Reads the kernel's counters once more. Exact while the target is quiet.
  Account account() const;

  // A last look at the counters, for the report. Taking probes out takes the
  // kernel a tenth of a second each: report first, detach then.
  void close_account();

  // Probes off; closes the account if that was not done.
  void detach();

  // What reports leave out, and count.
  void ignore(std::vector<IgnoreRule> rules) { ignored_ = std::move(rules); }

  // Populations are those of one value of this label each, too. Before the first tick.
  void tell_apart_by(std::string key) { labels_.emplace(std::move(key)); }
  // Null if they are not.
  const MemberLabels* labels() const { return labels_ ? &*labels_ : nullptr; }

  // Verdicts as of the last tick.
  TargetReport report(const ReportRules& rules);

  // From the first look to the last.
  uint64_t watched_ns() const { return last_census_ns_ - first_census_ns_; }

  const Process& process() const { return process_; }
  const Target& target() const { return *target_; }
  const Account& last_account() const { return account_; }
  StackNames& names() { return *names_; }
  const Tracking& tracking() const { return tracking_; }
  // What looks at members of the populations tell, by place.
  const StuckDetector& waits() const { return waits_; }
  // Who has run, or could have, for longer than that at the last tick, and where.
  void tell_busy_after(uint64_t busy_ns) { running_ = RunningDetector(busy_ns); }
  const RunningDetector& running() const { return running_; }
  const BusyStacks& busy_stacks() const { return busy_stacks_; }

 private:
  Observation(Process process, ProcessMemory memory, const JudgeRules& rules);

  void follow(Census& census);
  void follow_running(const Census& census);
  Limits limits() const;
  void add_projections(TargetReport& report) const;
  Account balance_now() const;
  void add_losses(Losses& losses) const;

  Process process_;
  ProcessMemory memory_;
  std::unique_ptr<Symbolizer> symbolizer_;
  std::unique_ptr<Target> target_;
  std::unique_ptr<StackNames> names_;

  std::string command_;  // kept: it is gone when the process is
  uint32_t workers_ = 0;

  std::shared_ptr<KernelCounters> kernel_;  // while attached
  uint32_t slot_ = 0;
  Baseline baseline_;
  Losses losses_;
  Account account_;
  Tracking tracking_;
  StuckDetector waits_;
  RunningDetector running_;
  BusyStacks busy_stacks_;
  uint64_t first_census_ns_ = 0;
  uint64_t last_census_ns_ = 0;
  uint64_t stacks_unread_ = 0;
  uint64_t stacks_cut_ = 0;
  uint64_t annotated_ = 0;
  bool gone_ = false;
  std::vector<IgnoreRule> ignored_;
  std::optional<MemberLabels> labels_;
};

}  // namespace coroscope
