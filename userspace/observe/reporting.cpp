// SPDX-License-Identifier: Apache-2.0
// Observation::report: from verdicts on ids to a report in words.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "detect/findings.h"
#include "observe/member_names.h"
#include "observe/observation.h"
#include "observe/waiting.h"
#include "util/clock.h"
#include "util/text.h"

namespace coroscope {
namespace {

// Findings whose members are asked for their names. The first ones matter most.
constexpr size_t most_named = 16;

// Since boot, as start_ticks is, suspended time included.
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

// Why and where the members of a population wait.
void describe_place(const Population& place, const Target& target, StackNames& names,
                    uint64_t now_ns, ReportedFinding& reported) {
  reported.parked_at = names.parked_frames(place.key.parked_stack);
  if (reported.several_places) return;
  if (place.key.activity == Activity::parked) {
    reported.reason = target.reason_name(place.key.reason);
    reported.cause = missing_act(target, reported.reason, place.example_object);
    const MemberPlace example{place.example_id, place.example_slot};
    if (reported.reason == "select") reported.select_cases = select_cases(target, example, now_ns);
  } else {
    reported.reason = activity_name(place.key.activity);
  }
}

ReportedFinding resolve(const Finding& finding, const Target& target, StackNames& names,
                        uint64_t now_ns) {
  const Population& population = *finding.population;
  ReportedFinding reported;
  reported.growth = finding.growth;
  reported.live = population.live;
  reported.joined = population.joined;
  reported.left = population.left;
  reported.oldest_wait_ns = age(now_ns, population.oldest_since_ns);
  reported.oldest_age_ns = age(now_ns, population.oldest_spawned_ns);
  reported.example_id = population.example_id;
  reported.spawn_stack_id = population.key.spawn_stack;
  reported.spawned_at = names.spawn_frames(population.key.spawn_stack);
  reported.several_places = population.grouping == Grouping::by_spawn;
  if (finding.main_place) describe_place(*finding.main_place, target, names, now_ns, reported);
  return reported;
}

// A leak of which no member is older than the watch may be a ramp.
bool may_be_a_ramp(const TargetReport& report) {
  for (const ReportedFinding& finding : report.findings) {
    if (finding.growth.verdict != Verdict::leak) continue;
    if (finding.oldest_age_ns < report.watched_ns || report.uptime_ns < report.watched_ns) {
      return true;
    }
  }
  return false;
}

void add_remarks(const Target& target, TargetReport& report) {
  if (target.other_copies() > 0) {
    report.remarks.push_back(counted(
        target.other_copies(), "further copy of the runtime in this process is not observed",
        "further copies of the runtime in this process are not observed"));
  }
  if (may_be_a_ramp(report)) {
    report.remarks.push_back(
        "a leak is younger than the watch, or the process was when it began: a ramp that has not "
        "levelled off yet looks the same; watch it again later");
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

TargetReport Observation::report() {
  TargetReport report;
  report.pid = process_.pid();
  report.inner_pid = process_.inner_pid();
  report.command = command_;
  report.runtime = target_->runtime();
  report.workers = workers_;
  report.censuses = by_place_.censuses();
  report.populations = by_place_.all().size();
  report.watched_ns = last_census_ns_ - first_census_ns_;
  report.uptime_ns = uptime_ns(process_, first_census_ns_);
  report.gone = gone_;
  report.account = account_;
  report.stacks_unread = stacks_unread_;
  report.stacks_cut = stacks_cut_;
  report.judged = long_enough_to_judge(report.watched_ns, report.censuses);
  for (const Finding& finding : judge_all(by_place_, by_spawn_)) {
    const Population& population = *finding.population;
    ReportedFinding reported = resolve(finding, *target_, *names_, last_census_ns_);
    if (annotated_ > 0 && report.findings.size() < most_named) {
      const bool of_place = population.grouping == Grouping::by_place;
      reported.named =
          count_names(*target_, (of_place ? by_place_ : by_spawn_).members(population, most_asked));
    }
    report.findings.push_back(std::move(reported));
  }
  apply_ignores(ignored_, report);
  add_remarks(*target_, report);
  return report;
}

}  // namespace coroscope
