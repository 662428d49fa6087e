// SPDX-License-Identifier: Apache-2.0
#include "observe/observation.h"

#include <fmt/format.h>

#include "observe/wait_looks.h"
#include "util/clock.h"

namespace coroscope {
namespace {

// A census of a million coroutines takes a fifth of a second. So many come at the interval
// that was asked for, which is enough for a verdict; from then on they take at most a
// share of a processor, and the counters tell the rest.
constexpr uint64_t ticks_at_once = 12;

}  // namespace

Observation::Observation(Process process, ProcessMemory memory, const JudgeRules& rules)
    : process_(std::move(process)), memory_(std::move(memory)), tracking_(rules) {}

Result<std::unique_ptr<Observation>> Observation::open(pid_t pid, const JudgeRules& rules) {
  auto process = Process::open(pid);
  if (!process) return process.error();
  auto memory = ProcessMemory::open(*process);
  if (!memory) return memory.error();
  std::unique_ptr<Observation> observation(
      new Observation(std::move(*process), std::move(*memory), rules));

  auto symbolizer = Symbolizer::open(observation->process_, observation->memory_);
  if (!symbolizer) return symbolizer.error();
  observation->symbolizer_ = std::move(*symbolizer);
  auto target =
      open_target(observation->process_, observation->memory_, observation->symbolizer_->modules());
  if (!target) return target.error();
  observation->target_ = std::move(*target);
  observation->command_ = observation->process_.command_line();
  observation->workers_ = observation->target_->workers();
  observation->names_ =
      std::make_unique<StackNames>(*observation->symbolizer_, *observation->target_);
  observation->accounting_ =
      std::make_unique<Accounting>(observation->process_, *observation->target_);
  return observation;
}

Result<ProbePlan> Observation::plan(const ProbeWish& wish) const {
  const bool batches = target_->hands_over_batches() && process_.shares_clock();
  ProbePlan plan{wish.mode.value_or(batches ? ProbeMode::full : ProbeMode::classic), wish.sample,
                 wish.parked_stacks};
  const auto refuse = [&](const char* what) {
    return Error{ErrorKind::usage, fmt::format("{} {}", process_.describe(), what)};
  };
  if (plan.mode == ProbeMode::full && !batches) {
    return refuse(target_->hands_over_batches()
                      ? "has a clock of its own (a time namespace), so events in batches can not "
                        "be told from those of before; use --probes classic"
                      : "does not tell its events in batches; use --probes classic");
  }
  if (plan.parked_stacks && plan.mode != ProbeMode::full) {
    return refuse("tells parked stacks with --probes full only");
  }
  if (plan.sample > 1 && !tells_parks(plan.mode)) {
    return refuse("has nothing to take a sample of without --probes full or classic");
  }
  return plan;
}

Result<Census> Observation::take_census() {
  return target_->census([this](const ParkedContext& context) { return names_->intern(context); });
}

Result<void> Observation::attach(const ProbePlan& plan, std::shared_ptr<KernelCounters> kernel) {
  if (auto begun = accounting_->begin(plan, std::move(kernel)); !begun) return begun;
  return tick();
}

void Observation::follow_running(const Census& census) {
  const auto stat = process_.stat();
  const bool stopped = !stat || stat->state == 'T' || stat->state == 't';
  running_.check(census, stopped);
  busy_stacks_.take(process_, *target_, *names_, running_.overdue());
}

void Observation::follow(Census& census) {
  if (labels_) labels_->add_to(census, *target_);
  tracking_.add(census, process_began_ns());
  waits_.check(look_at_waits(*target_, census, [this] { return thread_waits(process_); }));
  follow_running(census);
  if (first_census_ns_ == 0) first_census_ns_ = census.ended_ns;
  last_census_ns_ = census.ended_ns;
  stacks_unread_ = census.stacks_unread;
  stacks_cut_ = census.stacks_cut;
  annotated_ = census.annotated;
}

Result<void> Observation::tick() {
  const uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  auto census = accounting_->check([this] { return take_census(); });
  if (!census) {
    gone_ = census.error().kind == ErrorKind::target_gone;
    return census.error();
  }
  follow(*census);
  accounting_->dropped_members(tracking_.by(Grouping::by_place).members_dropped());
  ++ticks_;
  tick_ended_ns_ = monotonic_ns();
  tick_took_ns_ = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun;
  return {};
}

Result<void> Observation::glance() {
  if (!tells_parks(accounting_->plan().mode)) return tick();
  auto seen = accounting_->glance();
  if (!seen) gone_ = seen.error().kind == ErrorKind::target_gone;
  return seen;
}

void Observation::detach_all(const std::vector<Observation*>& observations) {
  std::vector<Accounting*> accountings;
  for (Observation* observation : observations) {
    accountings.push_back(observation->accounting_.get());
  }
  Accounting::detach_all(accountings);
}

bool Observation::affords_tick(double share) const {
  if (ticks_ < ticks_at_once) return true;
  const auto since = static_cast<double>(monotonic_ns() - tick_ended_ns_);
  return static_cast<double>(tick_took_ns_) <= share * since;
}

}  // namespace coroscope
