// SPDX-License-Identifier: Apache-2.0
// coroscope watch: attach to each process, look at it at an interval, report.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/pause.h"
#include "cli/pid.h"
#include "cli/probes.h"
#include "cli/signals.h"
#include "cli/watch_output.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/log.h"

namespace coroscope {
namespace {

using Observations = std::vector<std::unique_ptr<Observation>>;

struct Times {
  uint64_t length_ns = std::numeric_limits<uint64_t>::max();
  uint64_t interval_ns = 0;
  uint64_t busy_ns = 0;
  std::optional<uint64_t> patience_ns;  // if it was given

  uint64_t patience_of(uint64_t watched_ns) const {
    return patience_ns.value_or(patience_for(watched_ns));
  }
};

Result<Times> parse_times(const WatchOptions& options) {
  Times times;
  const auto interval = parse_interval(options.interval);
  if (!interval) return interval.error();
  times.interval_ns = *interval;
  const auto busy = parse_duration(options.busy);
  if (!busy) return Error{ErrorKind::usage, "--busy: " + busy.error().message};
  times.busy_ns = static_cast<uint64_t>(busy->count());
  if (!options.duration.empty()) {
    auto length = parse_duration(options.duration);
    if (!length) return Error{ErrorKind::usage, "--for: " + length.error().message};
    times.length_ns = static_cast<uint64_t>(length->count());
  }
  if (!options.patience.empty()) {
    auto patience = parse_duration(options.patience);
    if (!patience) return Error{ErrorKind::usage, "--patience: " + patience.error().message};
    times.patience_ns = static_cast<uint64_t>(patience->count());
  }
  return times;
}

// Says at the start what a person would otherwise read at the end.
void warn_if_too_short(const Times& times) {
  if (times.length_ns / times.interval_ns >= 1'000'000) return;
  const uint64_t looks = times.length_ns / times.interval_ns + 1;
  if (long_enough_to_judge(times.length_ns, looks, times.patience_of(times.length_ns))) return;
  log_warn(
      "--for {} with --interval {} gives {} looks: too short for a verdict, which needs {} "
      "looks, and 5 s",
      format_ns(times.length_ns), format_ns(times.interval_ns), looks, least_looks);
}

Result<std::vector<pid_t>> parse_pids(const std::vector<std::string>& texts) {
  std::vector<pid_t> pids;
  for (const std::string& text : texts) {
    const auto parsed = parse_pid(text);
    if (!parsed) return parsed.error();
    const pid_t pid = *parsed;
    if (std::find(pids.begin(), pids.end(), pid) != pids.end()) {
      return Error{ErrorKind::usage, fmt::format("process {} is named twice", pid)};
    }
    pids.push_back(pid);
  }
  if (pids.size() > WIRE_MAX_TARGETS) {
    return Error{ErrorKind::usage,
                 fmt::format("{} processes are too many: one coroscope watches at most {}",
                             pids.size(), WIRE_MAX_TARGETS)};
  }
  return pids;
}

Result<Observations> open_all(const std::vector<pid_t>& pids, const WatchOptions& options,
                              const std::vector<IgnoreRule>& ignored) {
  Observations observations;
  for (const pid_t pid : pids) {
    auto observation = Observation::open(pid, {.false_alarms_a_day = options.false_alarms});
    if (!observation) return observation.error();
    (*observation)->ignore(ignored);
    if (!options.by_label.empty()) (*observation)->tell_apart_by(options.by_label);
    observations.push_back(std::move(*observation));
  }
  return observations;
}

using Plans = std::vector<ProbePlan>;  // of each observation

Result<Plans> plan_all(const Observations& observations, const WatchOptions& options) {
  auto wish = parse_probe_wish(options.probes, options.sample, options.parked_stacks);
  if (!wish) return wish.error();
  Plans plans;
  for (const auto& observation : observations) {
    auto plan = observation->plan(*wish);
    if (!plan) return plan.error();
    plans.push_back(*plan);
  }
  return plans;
}

// Null if nothing is to be attached.
Result<std::shared_ptr<KernelCounters>> load_for(const Plans& plans) {
  const auto has_probes = [](const ProbePlan& plan) { return plan.mode != ProbeMode::census; };
  if (std::none_of(plans.begin(), plans.end(), has_probes))
    return std::shared_ptr<KernelCounters>();
  auto loaded = KernelCounters::load({});
  if (!loaded) return loaded.error();
  return std::make_shared<KernelCounters>(std::move(*loaded));
}

// Watch is one run of the command once everything is open.
class Watch {
 public:
  Watch(Observations observations, const Times& times, const ReportRules& rules,
        WatchOutput& output, const Fd& signals)
      : observations_(std::move(observations)),
        gone_(observations_.size()),
        times_(times),
        rules_(rules),
        output_(output),
        signals_(signals) {}

  Result<void> attach(const Plans& plans, const std::shared_ptr<KernelCounters>& kernel);
  void follow();
  ExitCode report();

 private:
  Result<void> tick_all(bool last);
  std::vector<int> pidfds() const;
  bool all_gone() const { return std::find(gone_.begin(), gone_.end(), false) == gone_.end(); }

  Observations observations_;
  std::vector<bool> gone_;
  Times times_;
  ReportRules rules_;
  WatchOutput& output_;
  const Fd& signals_;
  uint64_t started_ns_ = 0;
};

Result<void> Watch::attach(const Plans& plans, const std::shared_ptr<KernelCounters>& kernel) {
  for (size_t i = 0; i < observations_.size(); ++i) {
    const auto& observation = observations_[i];
    const uint64_t before = monotonic_ns();
    observation->tell_busy_after(times_.busy_ns);
    if (auto attached = observation->attach(plans[i], kernel); !attached) return attached;
    output_.attached(*observation, monotonic_ns() - before);
  }
  started_ns_ = monotonic_ns();
  return {};
}

Result<void> Watch::tick_all(bool last) {
  for (size_t i = 0; i < observations_.size(); ++i) {
    if (gone_[i]) continue;
    Observation& observation = *observations_[i];
    // The report is of the last look.
    auto ticked = last || observation.affords_tick() ? observation.tick() : observation.glance();
    if (!ticked) {
      if (ticked.error().kind != ErrorKind::target_gone) return ticked;
      gone_[i] = true;
      output_.gone(ticked.error());
    }
    output_.sample(*observations_[i], monotonic_ns() - started_ns_);
  }
  return {};
}

std::vector<int> Watch::pidfds() const {
  std::vector<int> fds;
  for (size_t i = 0; i < observations_.size(); ++i) {
    fds.push_back(gone_[i] ? -1 : observations_[i]->process().pidfd());
  }
  return fds;
}

void Watch::follow() {
  const uint64_t no_end = std::numeric_limits<uint64_t>::max();
  const uint64_t end =
      times_.length_ns > no_end - started_ns_ ? no_end : started_ns_ + times_.length_ns;
  uint64_t next = started_ns_ + times_.interval_ns;
  while (!all_gone() && output_.wanted()) {
    const Woken woken = pause_until(std::min(next, end), signals_, pidfds());
    const bool last = woken == Woken::by_signal || monotonic_ns() >= end;
    if (auto ticked = tick_all(last); !ticked) fail(ticked.error());
    if (last) return;
    next = next_look(next, times_.interval_ns);
  }
}

ExitCode Watch::report() {
  std::vector<TargetReport> reports;
  bool leak = false;
  bool gone = false;
  bool withheld = false;
  for (const auto& observation : observations_) {
    observation->close_account();
    ReportRules rules = rules_;
    rules.patience_ns = times_.patience_of(observation->watched_ns());
    reports.push_back(observation->report(rules));
    leak = leak || reports.back().has_fault();
    gone = gone || reports.back().gone;
    withheld = withheld || reports.back().withheld();
  }
  const ExitCode code = leak       ? exit_found
                        : withheld ? exit_environment
                        : gone     ? exit_target_gone
                                   : exit_ok;
  output_.report(reports, code);
  std::vector<Observation*> all;
  for (const auto& observation : observations_) all.push_back(observation.get());
  Observation::detach_all(all);
  return code;
}

}  // namespace

ExitCode run_watch(const WatchOptions& options) {
  auto times = parse_times(options);
  if (!times) return fail(times.error());
  auto pids = parse_pids(options.pids);
  if (!pids) return fail(pids.error());
  ignore_broken_pipe();
  auto ignored = read_ignores(options.ignore);
  if (!ignored) return fail(ignored.error());
  auto observations = open_all(*pids, options, *ignored);
  if (!observations) return fail(observations.error());
  auto plans = plan_all(*observations, options);
  if (!plans) return fail(plans.error());
  auto kernel = load_for(*plans);
  if (!kernel) return fail(kernel.error());
  // Not before: what was opened so far may be slow, and needs no farewell.
  auto signals = catch_termination();
  if (!signals) return fail(signals.error());

  const ReportRules rules{.patience_ns = times->patience_ns.value_or(default_patience_ns),
                          .floor = options.completeness,
                          .all = options.all};
  WatchOutput output(options.json, options.duration.empty(), rules);
  Watch watch(std::move(*observations), *times, rules, output, *signals);
  if (auto attached = watch.attach(*plans, *kernel); !attached) return fail(attached.error());
  warn_if_too_short(*times);
  watch.follow();
  release_termination();
  return watch.report();
}

}  // namespace coroscope
