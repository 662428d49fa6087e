// SPDX-License-Identifier: Apache-2.0
// One process under observation: attach, then a tick at a time. Both planes
// meet here; what comes out of them is the model's and the detectors' business.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "detect/ignore.h"
#include "detect/projection.h"
#include "detect/report.h"
#include "detect/stuck.h"
#include "detect/tracking.h"
#include "observe/accounting.h"
#include "observe/busy_stacks.h"
#include "observe/member_labels.h"
#include "observe/stack_names.h"
#include "proc/process.h"
#include "symbolize/symbolizer.h"
#include "targets/target.h"
#include "util/result.h"

namespace coroscope {

// ProbeWish is what somebody asks for.
struct ProbeWish {
  std::optional<ProbeMode> mode = {};  // else the best that the target offers
  uint32_t sample = 1;
  bool parked_stacks = false;
};

class Observation {
 public:
  // Finds the runtime of a process and opens its symbols. Touches nothing.
  static Result<std::unique_ptr<Observation>> open(pid_t pid, const JudgeRules& rules = {});

  // How this process can be observed: in batches if it offers that. Errors: usage, if it
  // does not offer what is asked for.
  Result<ProbePlan> plan(const ProbeWish& wish) const;

  // Attaches the probes, takes the census of who is there already, and joins
  // both. From then on `account()` is the truth. Once only. `kernel` may be
  // shared with other observations; it is not used by a plan without probes.
  Result<void> attach(const ProbePlan& plan, std::shared_ptr<KernelCounters> kernel);

  // Takes a census and the kernel's counters, checks one by the other, and
  // follows the populations. target_gone once the process has ended,
  // runs another program, or has lost its main thread.
  Result<void> tick();

  // The same for who has no time for a census now: the counters alone, and no verdicts.
  // Without events there is nothing to see but by a census, so that it is then a tick.
  Result<void> glance();

  // Whether the next look is to be a tick: the first ones, and as long as they take no more
  // than a share of a processor.
  bool affords_tick(double share = 0.02) const;

  // Everything alive now, with parked stacks; needs no attach, so no BPF.
  Result<Census> take_census();
  // The same without parked stacks, which is much shorter.
  Result<Census> take_short_census() { return target_->census({}); }

  // When the process began; never 0. Before the clock did is as good as 1.
  uint64_t process_began_ns() const;

  // Reads the kernel's counters once more. Exact while the target is quiet.
  Account account() const { return accounting_->now(); }

  // A last look at the counters, for the report. Taking probes out takes the
  // kernel a tenth of a second: report first, detach then.
  void close_account() { accounting_->close(); }

  // Probes off; closes the account if that was not done.
  void detach() { accounting_->detach(); }
  // The same of several, which takes no longer than of one.
  static void detach_all(const std::vector<Observation*>& observations);

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
  const std::vector<Module>& modules() const { return symbolizer_->modules(); }
  // See Symbolizer::rest(): for who observes for long.
  bool rest(uint64_t now_ns, bool soon) { return symbolizer_->rest(now_ns, soon); }
  bool rests() const { return symbolizer_->rests(); }
  const Account& last_account() const { return accounting_->last(); }
  const Accounting& accounting() const { return *accounting_; }
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

  Process process_;
  ProcessMemory memory_;
  std::unique_ptr<Symbolizer> symbolizer_;
  std::unique_ptr<Target> target_;
  std::unique_ptr<StackNames> names_;

  std::string command_;  // kept: it is gone when the process is
  uint32_t workers_ = 0;

  std::unique_ptr<Accounting> accounting_;
  Tracking tracking_;
  StuckDetector waits_;
  RunningDetector running_;
  BusyStacks busy_stacks_;
  uint64_t ticks_ = 0;
  uint64_t tick_took_ns_ = 0;  // of a processor, the last one
  uint64_t tick_ended_ns_ = 0;
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
