// SPDX-License-Identifier: Apache-2.0
#include "detect/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "detect/arrivals.h"
#include "util/duration.h"

namespace coroscope {
namespace {

// Groups are followed from so many members on.
constexpr uint64_t worth_following = 4;
// Departures that may be of another kind of members: for a leak that began at some time,
// and for one that has gone on for long.
constexpr double rare = 1e-4;
constexpr double few = 1e-2;
// Of the members of a group that shows how long they stay.
constexpr double shown_share = 0.2;
constexpr uint64_t shown_least = 100;
// How long a group has to have been without those who outlive the others, in lifetimes.
constexpr uint64_t quiet_lifetimes = 10;
// Evidence for what is no alarm.
constexpr double nats_for_shape = 7;
constexpr uint64_t least_growth = 8;
constexpr double turnover_share = 0.05;
// Tests on one group that have to agree: ages (a day has 107 bins), alternatives, and ways
// of grouping, each of which has as many groups.
constexpr double tests_a_group = 107.0 * 3 * all_groupings.size();

}  // namespace

std::string_view ground_name(Ground ground) {
  switch (ground) {
    case Ground::none:
      return "none";
    case Ground::outlived:
      return "outlived";
    case Ground::patience:
      return "patience";
    case Ground::unreachable:
      return "unreachable";
  }
  return "unknown";
}

double nats_needed(const JudgeRules& rules, double looks_a_day, double groups) {
  return nats_needed(rules.false_alarms_a_day, looks_a_day, tests_a_group * groups);
}

uint64_t patience_for(uint64_t watched_ns) {
  return std::clamp<uint64_t>(watched_ns / 4, 5'000'000'000, default_patience_ns);
}

bool long_enough_to_judge(uint64_t watched_ns, uint64_t looks, uint64_t patience_ns) {
  return looks >= least_looks && watched_ns >= std::min<uint64_t>(patience_ns, 5'000'000'000);
}

bool may_become_fault(const Judgement& judgement) {
  return judgement.verdict == Verdict::warming_up && judgement.stayed > 0;
}

std::string format(const Judgement& judgement) {
  switch (judgement.ground) {
    case Ground::none:
      return may_become_fault(judgement)
                 ? "nobody leaves, but it is too soon to tell it from a start-up, a pool or a cache"
                 : "";
    case Ground::outlived:
      return fmt::format(
          "of {} that left, next to all did within {}; {} are older, and of those {} left",
          judgement.shown_left, format_ns(judgement.beyond_ns), judgement.stayed,
          judgement.cohort.left);
    case Ground::patience:
      return fmt::format(
          "it has grown at an undiminished rate for {} or more, and of those who "
          "came {} left",
          format_ns(judgement.patience_ns), judgement.cohort.left);
    case Ground::unreachable:
      return "it grows, nobody leaves, and nobody but those who wait has a handle of what they "
             "wait for";
  }
  return "";
}

std::string summary(const Judgement& judgement) {
  return fmt::format("{} {:+.1f}/s", verdict_name(judgement.verdict), judgement.per_second);
}

void GroupJudge::step(const Stays& stays, const Look& look, Flows& flows) {
  flows_of(stays, *look.weights, flows);
  growth_.step(flows, look.before_ns, look.time_ns);
  cohort_.step(flows, look.before_ns);
  shown_.step(stays);
}

// They outlive what the group has shown, and did not do so for a long time before.
bool GroupJudge::outlives(const Judgement& judgement, const Stays& stays, const Look& look) const {
  const auto left = static_cast<double>(shown_.left());
  if (shown_.left() < shown_least) return false;
  if (left < shown_share * (left + static_cast<double>(judgement.stayed))) return false;
  // Growth that was there from the first look on began with the oldest.
  uint64_t began = judgement.growth.since_ns;
  if (began <= first_ns_) began -= std::min(began, oldest_ns(stays.present));
  const uint64_t group_began = at_first_ && look.process_ns != 0 ? look.process_ns : first_ns_;
  const uint64_t quiet = began > group_began ? began - group_began : 0;
  return quiet >= quiet_lifetimes * age_bin_floor_ns(shown_.bin_beyond(rare));
}

bool GroupJudge::find_leak(const Stays& stays, const Look& look, uint64_t patience_ns,
                           Judgement& judgement) const {
  const size_t first_bin = shown_.bin_beyond(few);
  const size_t outlived_bin = std::max<size_t>(shown_.bin_beyond(rare), 1);
  for (size_t bin = first_bin; bin < stays.present.size(); ++bin) {
    const GrowthEvidence growth = growth_.check(bin);
    const CohortEvidence cohort = cohort_.check(bin);
    if (std::min(growth.nats, cohort.nats) < look.nats_needed || growth.has_stopped()) continue;
    Judgement found = judgement;
    found.growth = growth;
    found.cohort = cohort;
    found.beyond_ns = age_bin_floor_ns(bin);
    found.stayed = count_beyond(stays.present, bin);
    found.per_second = growth.per_second();
    const bool young =
        found.beyond_ns <= std::max(2 * age_bin_floor_ns(first_bin), patience_ns / 32);
    if (bin >= outlived_bin && outlives(found, stays, look)) {
      found.ground = Ground::outlived;
    } else if (!young) {
      continue;  // what was, not what is
    } else if (came_undiminished(stays.present, found.beyond_ns, patience_ns)) {
      found.ground = Ground::patience;
    }
    if (found.ground == Ground::none && judgement.stayed > 0) continue;
    judgement = found;
    if (found.ground != Ground::none) return true;
  }
  return false;
}

Verdict GroupJudge::shape_of(const Judgement& judgement) const {
  if (judgement.stayed > 0) return Verdict::warming_up;
  const GrowthEvidence all = growth_.check(0);
  const bool grew = judgement.last_live >= judgement.first_live + least_growth;
  if (grew && all.nats >= nats_for_shape && !all.has_stopped()) {
    const bool turns_over =
        static_cast<double>(all.left) > turnover_share * static_cast<double>(all.came);
    return turns_over ? Verdict::backlog : Verdict::warming_up;
  }
  const bool grew_much = judgement.last_live >=
                         judgement.first_live + std::max(least_growth, judgement.first_live / 4);
  return grew_much ? Verdict::plateau : Verdict::steady;
}

Judgement GroupJudge::judge(const Stays& stays, const Look& look, uint64_t patience_ns) const {
  Judgement judgement;
  judgement.nats_needed = look.nats_needed;
  judgement.patience_ns = patience_ns;
  judgement.shown_left = shown_.left();
  judgement.first_live = first_live_;
  judgement.last_live = count_beyond(stays.present, 0);
  judgement.watched_ns = look.time_ns - first_ns_;
  if (judgement.watched_ns > 0) {
    judgement.per_second =
        (static_cast<double>(judgement.last_live) - static_cast<double>(judgement.first_live)) /
        (static_cast<double>(judgement.watched_ns) / 1e9);
  }
  const bool leaks = find_leak(stays, look, patience_ns, judgement);
  judgement.verdict = leaks ? Verdict::leak : shape_of(judgement);
  if (!leaks && judgement.stayed == 0) judgement.growth = growth_.check(0);
  return judgement;
}

void Judge::step(const Populations& populations, uint64_t process_ns) {
  const uint64_t before_ns = last_ns_;
  last_ns_ = populations.last_census_ns();
  process_ns_ = process_ns;
  if (censuses_++ == 0) first_ns_ = last_ns_;
  const uint64_t interval = last_ns_ - std::min(before_ns, last_ns_);
  // Intervals differ by little: what it tells to stay through one differs by as little.
  if (!weights_ || interval > weights_for_ns_ + weights_for_ns_ / 64 ||
      interval < weights_for_ns_ - weights_for_ns_ / 64) {
    weights_ = std::make_unique<StayWeights>(interval, CohortTest::doubling_exponent);
    weights_for_ns_ = interval;
  }
  groups_.resize(populations.all().size());
  Look now = look();
  now.before_ns = before_ns;
  for (size_t group = 0; group < groups_.size(); ++group) {
    const Population& population = populations.all()[group];
    if (groups_[group]) {
      groups_[group]->step(population.stays, now, flows_);
    } else if (population.live >= worth_following) {
      // A group of few was followed by nobody: whoever was there before did not come now.
      const bool at_first = population.first_census == 1;
      groups_[group] = std::make_unique<GroupJudge>(last_ns_, population.live, at_first);
      followed_++;
    }
  }
}

Look Judge::look() const {
  Look look;
  look.time_ns = last_ns_;
  look.process_ns = process_ns_;
  look.weights = weights_.get();
  const double ticks = censuses_ < 2 ? 1
                                     : 86'400e9 * static_cast<double>(censuses_ - 1) /
                                           std::max(1.0, static_cast<double>(last_ns_ - first_ns_));
  look.nats_needed =
      nats_needed(rules_, ticks, static_cast<double>(std::max<size_t>(1, followed_)));
  return look;
}

Judgement Judge::judge(const Populations& populations, size_t group, uint64_t patience_ns) const {
  if (group >= groups_.size() || !groups_[group]) {
    Judgement judgement;
    if (group < populations.all().size()) {
      judgement.first_live = judgement.last_live = populations.all()[group].live;
    }
    return judgement;
  }
  return groups_[group]->judge(populations.all()[group].stays, look(), patience_ns);
}

}  // namespace coroscope
