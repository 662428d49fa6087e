// SPDX-License-Identifier: Apache-2.0
// Observation::report: from verdicts on ids to a report in words.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "detect/cause.h"
#include "detect/findings.h"
#include "observe/longest_waits.h"
#include "observe/member_names.h"
#include "observe/observation.h"
#include "observe/same_place.h"
#include "observe/waiting.h"
#include "proc/memory_limit.h"
#include "util/clock.h"
#include "util/duration.h"
#include "util/text.h"

namespace coroscope {
namespace {

// Findings whose members are asked for their names. The first ones matter most.
constexpr size_t most_named = 16;

// start_ticks counts from boot, suspended time included.
uint64_t uptime_ns(const Process& process, uint64_t at_ns) {
  const auto per_second = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const uint64_t boot_ns =
      static_cast<uint64_t>(boot.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(boot.tv_nsec);
  const uint64_t started = process.start_ticks() * (1'000'000'000 / per_second);
  const uint64_t then = boot_ns - (monotonic_ns() - at_ns);
  return then > started ? then - started : 0;
}

uint64_t age(uint64_t now_ns, uint64_t since_ns) {
  return since_ns != 0 && now_ns > since_ns ? now_ns - since_ns : 0;
}

void describe_cause(const Population& place, const Observation& seen, StackNames& names,
                    uint64_t now_ns, ReportedFinding& reported) {
  const auto found = seen.waits().places().find(place.key);
  const PlaceWaits* waits = found == seen.waits().places().end() ? nullptr : &found->second;
  WaitWords words = describe_wait(seen.target(), names.frames_of(), reported.reason,
                                  place.example_object, waits, now_ns);
  reported.cause = std::move(words.cause.act);
  reported.because = std::move(words.cause.evidence);
  reported.fix = std::move(words.cause.fix);
  reported.chain = std::move(words.chain);
}

// The one of a population that has been so for longest.
void describe_overdue(const PopulationKey& place, const Observation& seen, StackNames& names,
                      ReportedFinding& reported) {
  for (const Overdue& one : seen.running().overdue()) {
    if (one.place != place) continue;
    const BusyStacks::Seen* stack = seen.busy_stacks().of(one.id);
    reported.parked_at = names.parked_frames(stack != nullptr ? stack->stack : one.goes_on_at);
    std::optional<bool> uses_processor;
    if (stack != nullptr && stack->asked) uses_processor = !reported.parked_at.empty();
    Cause cause = find_cause(one, uses_processor);
    reported.cause = std::move(cause.act);
    reported.because = std::move(cause.evidence);
    reported.fix = std::move(cause.fix);
    reported.example_id = one.id;
    return;
  }
}

// Why and where the members of a population wait.
void describe_place(const Population& place, const Observation& seen, StackNames& names,
                    uint64_t now_ns, ReportedFinding& reported) {
  const Target& target = seen.target();
  reported.parked_at = names.parked_frames(place.key.parked_stack);
  if (reported.several_places) return;
  if (place.key.activity == Activity::parked) {
    reported.reason = target.reason_name(place.key.reason);
    // What is missing is told of faults: nobody has to wait at this very moment for a channel
    // that is served.
    const Judgement& judgement = reported.judgement;
    if (is_fault(judgement.verdict) || may_become_fault(judgement)) {
      describe_cause(place, seen, names, now_ns, reported);
    }
    const MemberPlace example{place.example_id, place.example_slot};
    if (reported.reason == "select") reported.select_cases = select_cases(target, example, now_ns);
  } else {
    reported.reason = activity_name(place.key.activity);
    describe_overdue(place.key, seen, names, reported);
  }
}

// The program's own lines are what a reader sees of a place: a compiler may have made
// several of them.
bool is_in_several_places(const Finding& finding, StackNames& names) {
  if (finding.population->grouping != Grouping::by_spawn) return false;
  if (finding.several_reasons || finding.parked_stacks.empty()) return true;
  const ReportedStack first = names.parked_frames(finding.parked_stacks.front());
  return std::any_of(
      finding.parked_stacks.begin() + 1, finding.parked_stacks.end(),
      [&](ParkedStack stack) { return !is_same_place(first, names.parked_frames(stack)); });
}

ReportedFinding resolve(const Finding& finding, const Observation& seen, StackNames& names,
                        uint64_t now_ns) {
  const Population& population = *finding.population;
  ReportedFinding reported;
  reported.judgement = finding.judgement;
  reported.live = population.live;
  reported.joined = population.joined;
  reported.left = population.left;
  reported.oldest_wait_ns = age(now_ns, population.oldest_since_ns);
  reported.oldest_age_ns = age(now_ns, population.oldest_spawned_ns);
  reported.example_id = population.example_id;
  reported.spawn_stack_id = population.key.spawn_stack;
  reported.several_places = is_in_several_places(finding, names);
  reported.several_births = finding.several_births;
  reported.several_labels = finding.several_labels;
  const Population& most = finding.main_place ? *finding.main_place : population;
  reported.spawned_at = names.spawn_frames(most.key.spawn_stack);
  if (seen.labels()) reported.label = seen.labels()->report(most.key.label);
  if (finding.main_place) describe_place(*finding.main_place, seen, names, now_ns, reported);
  return reported;
}

// A leak for which nothing speaks but that it went on for the length of our patience.
bool may_be_a_ramp(const TargetReport& report) {
  if (report.patience_ns >= default_patience_ns) return false;
  return std::any_of(report.findings.begin(), report.findings.end(), [](const auto& finding) {
    return finding.judgement.ground == Ground::patience;
  });
}

void add_label_remarks(const MemberLabels& labels, TargetReport& report) {
  if (labels.unread() > 0) {
    report.remarks.push_back(
        counted(labels.unread(), "coroutine's label was", "coroutines' labels were") +
        " not read in the last census (ended meanwhile, or no time): told apart as not read");
  }
  if (labels.stale() > 0) {
    report.remarks.push_back(
        counted(labels.stale(), "coroutine's label was", "coroutines' labels were") +
        " not read again after they moved: told apart by what it was");
  }
  if (labels.overflowed()) {
    report.remarks.push_back(
        fmt::format("there are more than {} values of the label: the rest "
                    "together is one",
                    MemberLabels::most_values));
  }
}

void add_remarks(const Target& target, TargetReport& report) {
  if (target.other_copies() > 0) {
    report.remarks.push_back(counted(
        target.other_copies(), "further copy of the runtime in this process is not observed",
        "further copies of the runtime in this process are not observed"));
  }
  if (may_be_a_ramp(report)) {
    report.remarks.push_back(fmt::format(
        "a population that grows at the same rate for {} is called a leak here; a start-up, a pool "
        "or a cache that takes longer to fill looks the same: see --patience",
        format_ns(report.patience_ns)));
  }
  if (report.stacks_unread > 0) {
    report.remarks.push_back(
        counted(report.stacks_unread, "parked stack was", "parked stacks were") +
        " not read in the last census (moved meanwhile, or made no sense): counted, but without a "
        "place");
  }
  if (report.stacks_cut > 0) {
    report.remarks.push_back(counted(report.stacks_cut, "parked stack was", "parked stacks were") +
                             " not followed to the outermost frame");
  }
}

}  // namespace

Limits Observation::limits() const {
  Limits limits;
  if (const auto left = memory_left(process_)) {
    limits.memory_left = left->bytes;
    limits.memory_of_cgroup = left->of_cgroup;
  }
  const uint64_t most = target_->coroutines_at_most();
  limits.table_left = most - std::min<uint64_t>(most, tracking_.by(Grouping::by_place).live());
  const auto count = target_->count();
  if (!count || count->stacks <= count->stacks_running) return limits;
  // Memory is in use by the page.
  const uint64_t used = count->stack_used / (count->stacks - count->stacks_running);
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  limits.bytes_each = static_cast<double>((used / page + 1) * page);
  return limits;
}

uint64_t Observation::process_began_ns() const {
  const uint64_t now = monotonic_ns();
  const uint64_t uptime = uptime_ns(process_, now);
  // The clocks differ by suspended time: before this one began is as good as 1.
  return uptime < now ? now - uptime : 1;
}

// What is there for more is asked only if something takes of it.
void Observation::add_projections(TargetReport& report) const {
  std::optional<Limits> left;
  for (ReportedFinding& finding : report.findings) {
    if (finding.judgement.verdict != Verdict::leak) continue;
    if (!left) left = limits();
    finding.projection = project(finding.judgement.per_second, *left);
  }
}

TargetReport Observation::report(const ReportRules& rules) {
  TargetReport report;
  report.pid = process_.pid();
  report.inner_pid = process_.inner_pid();
  report.command = command_;
  report.runtime = target_->runtime();
  report.workers = workers_;
  report.censuses = tracking_.by(Grouping::by_place).censuses();
  report.populations = tracking_.by(Grouping::by_place).all().size();
  report.patience_ns = rules.patience_ns;
  report.floor = rules.floor;
  report.watched_ns = watched_ns();
  report.gone = gone_;
  report.account = accounting_->last();
  report.stacks_unread = stacks_unread_;
  report.stacks_cut = stacks_cut_;
  report.judged = long_enough_to_judge(report.watched_ns, report.censuses, rules.patience_ns);
  PlaceVerdicts faults = stuck_places(waits_.places());
  add_overdue(running_.overdue(), faults);
  std::vector<Finding> findings = find_all(tracking_, rules.patience_ns, rules.all, faults);
  for (const Finding& finding : findings) {
    report.findings.push_back(resolve(finding, *this, *names_, last_census_ns_));
  }
  fold_same_places(findings, report.findings);
  for (size_t i = 0; i < findings.size(); ++i) {
    const Population& population = *findings[i].population;
    ReportedFinding& reported = report.findings[i];
    if (annotated_ > 0 && i < most_named) {
      const Populations& group = tracking_.by(population.grouping);
      reported.named = count_names(*target_, group.members(population, most_asked));
    }
    reported.withheld = report.withheld() && reported.judgement.verdict != Verdict::steady;
  }
  report.waits = longest_waits(accounting_->parks(), accounting_->last(), *names_);
  add_projections(report);
  apply_ignores(ignored_, report);
  add_remarks(*target_, report);
  if (labels_) add_label_remarks(*labels_, report);
  return report;
}

}  // namespace coroscope
