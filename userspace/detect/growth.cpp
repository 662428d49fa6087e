// SPDX-License-Identifier: Apache-2.0
#include "detect/growth.h"

#include <algorithm>
#include <optional>
#include <span>

namespace coroscope {
namespace {

using Samples = std::span<const PopulationSample>;

// Stretch is a part of the history that reaches to its end, at one level of
// settling.
struct Stretch {
  Samples samples;
  size_t level = 0;
  uint32_t highest_before = 0;   // of those settled, before the stretch
  double per_second_before = 0;  // growth over three times its length before it

  uint32_t settled(const PopulationSample& sample) const { return sample.settled[level].now; }
  uint64_t span_ns() const { return samples.back().time_ns - samples.front().time_ns; }
  int64_t growth(const PopulationSample& from, const PopulationSample& to) const {
    return static_cast<int64_t>(settled(to)) - static_cast<int64_t>(settled(from));
  }
  int64_t growth() const { return growth(samples.front(), samples.back()); }
  double per_second() const {
    return static_cast<double>(growth()) / (static_cast<double>(span_ns()) / 1e9);
  }
};

// From the census at which the first members could have reached the level.
Samples from_level(const Population& population, size_t level) {
  const uint32_t first = population.first_census + settled_censuses[level] - 1;
  const auto& samples = population.samples;
  const auto begin = std::lower_bound(
      samples.begin(), samples.end(), first,
      [](const PopulationSample& s, uint32_t census) { return s.census < census; });
  return Samples(samples).subspan(static_cast<size_t>(begin - samples.begin()));
}

// The sample at or before a time.
const PopulationSample& at(Samples samples, uint64_t time_ns) {
  const auto after = std::upper_bound(
      samples.begin(), samples.end(), time_ns,
      [](uint64_t time, const PopulationSample& sample) { return time < sample.time_ns; });
  return after == samples.begin() ? samples.front() : *(after - 1);
}

// Whether each part of the time grew, and the last one not much less than the
// average: a ramp that flattens fails the second.
bool grows_in_every_part(const Stretch& stretch, const GrowthRules& rules) {
  const uint64_t start = stretch.samples.front().time_ns;
  const uint64_t span = stretch.span_ns();
  const double average = static_cast<double>(stretch.growth()) / static_cast<double>(rules.parts);
  int64_t last = 0;
  for (uint32_t part = 0; part < rules.parts; ++part) {
    last = stretch.growth(at(stretch.samples, start + span * part / rules.parts),
                          at(stretch.samples, start + span * (part + 1) / rules.parts));
    if (last <= 0) return false;
  }
  return static_cast<double>(last) >= rules.last_part_at_least * average;
}

// The time since the population last reached a new high.
uint64_t quiet_ns(const Stretch& stretch) {
  uint32_t high = 0;
  uint64_t at_ns = stretch.samples.front().time_ns;
  for (const PopulationSample& sample : stretch.samples) {
    if (stretch.settled(sample) <= high) continue;
    high = stretch.settled(sample);
    at_ns = sample.time_ns;
  }
  return stretch.samples.back().time_ns - at_ns;
}

bool has_levelled(const Stretch& stretch, const GrowthRules& rules) {
  return stretch.per_second() * static_cast<double>(quiet_ns(stretch)) / 1e9 > rules.quiet_tail;
}

struct Leavers {
  uint32_t stayed = 0;
  uint32_t left = 0;
  bool too_many(const GrowthRules& rules) const {
    return static_cast<double>(left) >
           rules.max_leavers * std::max(1.0, static_cast<double>(stayed));
  }
};

Leavers leavers(const Stretch& stretch) {
  const Settled& first = stretch.samples.front().settled[stretch.level];
  const Settled& last = stretch.samples.back().settled[stretch.level];
  return {first.now + (last.ever - first.ever), last.left - first.left};
}

bool long_enough(const Stretch& stretch, const GrowthRules& rules) {
  return stretch.samples.size() > rules.parts && stretch.span_ns() >= rules.min_judged_ns &&
         stretch.samples.back().census - stretch.samples.front().census + 1 >= rules.min_censuses;
}

// What has been higher before and went down again may only be coming back.
bool beyond_earlier_tides(const Stretch& stretch, const GrowthRules& rules) {
  if (stretch.highest_before <= stretch.settled(stretch.samples.front()) + rules.min_growth) {
    return true;
  }
  return static_cast<double>(stretch.settled(stretch.samples.back())) >=
         rules.beyond_tides * static_cast<double>(stretch.highest_before) + rules.min_growth;
}

Verdict judge(const Stretch& stretch, const GrowthRules& rules) {
  const int64_t least = rules.min_growth;
  if (stretch.growth() < least) return Verdict::steady;
  if (leavers(stretch).too_many(rules)) return Verdict::backlog;
  const bool slows = stretch.per_second() < rules.last_part_at_least * stretch.per_second_before;
  if (!beyond_earlier_tides(stretch, rules) || slows || !grows_in_every_part(stretch, rules) ||
      has_levelled(stretch, rules)) {
    return Verdict::plateau;
  }
  return Verdict::leak;
}

// What the samples up to the beginning of a stretch did.
void look_before(Stretch& stretch, Samples before) {
  for (const PopulationSample& sample : before.first(before.size() - 1)) {
    stretch.highest_before = std::max(stretch.highest_before, stretch.settled(sample));
  }
  const uint64_t start = before.back().time_ns;
  const uint64_t length = std::min(3 * stretch.span_ns(), start - before.front().time_ns);
  if (length == 0) return;
  stretch.per_second_before =
      static_cast<double>(stretch.growth(at(before, start - length), before.back())) /
      (static_cast<double>(length) / 1e9);
}

// A level of many censuses shows what came that long ago; the whole population
// has to grow now, too.
bool grows_as_a_whole(const Stretch& stretch, const GrowthRules& rules) {
  const int64_t live = static_cast<int64_t>(stretch.samples.back().live) -
                       static_cast<int64_t>(stretch.samples.front().live);
  return static_cast<double>(live) >= rules.whole_at_least * static_cast<double>(stretch.growth());
}

// The longest stretch of a level that is a leak, if there is one.
std::optional<Stretch> find_leak(const Population& population, size_t level,
                                 const GrowthRules& rules) {
  const Samples all = from_level(population, level);
  if (all.empty()) return std::nullopt;
  const uint64_t end = all.back().time_ns;
  for (uint64_t span = end - all.front().time_ns; span >= rules.min_judged_ns; span /= 2) {
    const auto start = static_cast<size_t>(&at(all, end - span) - all.data());
    Stretch stretch{all.subspan(start), level, 0};
    look_before(stretch, all.first(start + 1));
    if (!long_enough(stretch, rules)) break;
    if (judge(stretch, rules) == Verdict::leak && grows_as_a_whole(stretch, rules)) return stretch;
  }
  return std::nullopt;
}

void describe_leak(const Stretch& stretch, Growth& growth) {
  const Leavers who = leavers(stretch);
  growth.verdict = Verdict::leak;
  growth.per_second = stretch.per_second();
  growth.judged_ns = stretch.span_ns();
  growth.stayed = who.stayed;
  growth.stayed_left = who.left;
  growth.stayed_censuses = settled_censuses[stretch.level];
}

// Of a population that is no leak: what it did over the whole time.
Verdict judge_whole(const Population& population, const Growth& growth, const GrowthRules& rules) {
  const Stretch whole{from_level(population, 0), 0, 0};
  if (whole.samples.empty() || !long_enough(whole, rules)) {
    const uint64_t grown = growth.last_live - std::min(growth.first_live, growth.last_live);
    return grown >= rules.min_growth ? Verdict::warming_up : Verdict::steady;
  }
  const Verdict verdict = judge(whole, rules);
  return verdict == Verdict::leak ? Verdict::plateau : verdict;
}

}  // namespace

Growth judge_growth(const Population& population, const GrowthRules& rules) {
  Growth growth;
  if (population.samples.empty()) return growth;
  const PopulationSample& first = population.samples.front();
  const PopulationSample& last = population.samples.back();
  growth.first_live = first.live;
  growth.last_live = last.live;
  growth.judged_ns = last.time_ns - first.time_ns;
  if (growth.judged_ns > 0) {
    growth.per_second = (static_cast<double>(last.live) - static_cast<double>(first.live)) /
                        (static_cast<double>(growth.judged_ns) / 1e9);
  }
  for (size_t level = 0; level < settled_censuses.size(); ++level) {
    if (const auto leak = find_leak(population, level, rules)) {
      describe_leak(*leak, growth);
      return growth;
    }
  }
  growth.verdict = judge_whole(population, growth, rules);
  return growth;
}

bool long_enough_to_judge(uint64_t watched_ns, uint64_t censuses, const GrowthRules& rules) {
  // The first members settle in the third census: time before that does not count.
  const uint64_t unsettled = settled_censuses[0] - 1;
  if (censuses < unsettled + rules.min_censuses) return false;
  return watched_ns / (censuses - 1) * (censuses - 1 - unsettled) >= rules.min_judged_ns;
}

}  // namespace coroscope
