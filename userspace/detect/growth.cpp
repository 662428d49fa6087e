// SPDX-License-Identifier: Apache-2.0
#include "detect/growth.h"

#include <algorithm>
#include <span>

namespace coroscope {
namespace {

using Samples = std::span<const PopulationSample>;

// Those still passing by come and go; what accumulates is the settled ones. A
// population is judged from the census at which its first members could have
// settled.
Samples settled_part(const Population& population) {
  const size_t skip = Populations::settled_censuses - 1;
  if (population.samples.size() <= skip) return {};
  return Samples(population.samples).subspan(skip);
}

int64_t growth_between(const PopulationSample& from, const PopulationSample& to) {
  return static_cast<int64_t>(to.settled) - static_cast<int64_t>(from.settled);
}

// The sample at or before a time.
const PopulationSample& at(const Samples& samples, uint64_t time_ns) {
  const auto after = std::upper_bound(
      samples.begin(), samples.end(), time_ns,
      [](uint64_t time, const PopulationSample& sample) { return time < sample.time_ns; });
  return after == samples.begin() ? samples.front() : *(after - 1);
}

// Whether each part of the time grew, and the last one not much less than the
// average: a ramp that flattens fails the second.
bool grows_in_every_part(const Samples& samples, const GrowthRules& rules) {
  const uint64_t start = samples.front().time_ns;
  const uint64_t span = samples.back().time_ns - start;
  const double average = static_cast<double>(growth_between(samples.front(), samples.back())) /
                         static_cast<double>(rules.parts);
  int64_t last = 0;
  for (uint32_t part = 0; part < rules.parts; ++part) {
    const PopulationSample& from = at(samples, start + span * part / rules.parts);
    const PopulationSample& to = at(samples, start + span * (part + 1) / rules.parts);
    last = growth_between(from, to);
    if (last <= 0) return false;
  }
  return static_cast<double>(last) >= rules.last_part_at_least * average;
}

// The time since the population last reached a new high.
uint64_t quiet_ns(const Samples& samples) {
  uint64_t high = 0;
  uint64_t at_ns = samples.front().time_ns;
  for (const PopulationSample& sample : samples) {
    if (sample.settled > high) {
      high = sample.settled;
      at_ns = sample.time_ns;
    }
  }
  return samples.back().time_ns - at_ns;
}

bool has_levelled(const Samples& samples, double per_second, const GrowthRules& rules) {
  const double quiet_s = static_cast<double>(quiet_ns(samples)) / 1e9;
  return per_second * quiet_s > rules.quiet_tail;
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::steady:
      return "steady";
    case Verdict::turnover:
      return "turnover";
    case Verdict::levelled:
      return "levelled";
    case Verdict::too_short:
      return "too short";
    case Verdict::leak:
      return "leak";
  }
  return "unknown";
}

Growth judge_growth(const Population& population, const GrowthRules& rules) {
  Growth growth;
  if (population.samples.empty()) return growth;
  growth.first_live = population.samples.front().live;
  growth.last_live = population.samples.back().live;
  growth.watched_ns = population.samples.back().time_ns - population.samples.front().time_ns;
  if (growth.watched_ns > 0) {
    growth.per_second =
        (static_cast<double>(growth.last_live) - static_cast<double>(growth.first_live)) /
        (static_cast<double>(growth.watched_ns) / 1e9);
  }

  const Samples samples = settled_part(population);
  if (samples.size() < 2 || population.samples.size() < rules.min_censuses ||
      growth.watched_ns < rules.min_watched_ns) {
    const uint64_t grown = growth.last_live - std::min(growth.first_live, growth.last_live);
    growth.verdict = grown >= rules.min_growth ? Verdict::too_short : Verdict::steady;
    return growth;
  }
  const int64_t settled = growth_between(samples.front(), samples.back());
  const double leavers = static_cast<double>(population.settled_left) /
                         static_cast<double>(std::max<uint64_t>(population.settled_ever, 1));
  const double span_s = static_cast<double>(samples.back().time_ns - samples.front().time_ns) / 1e9;
  if (settled < static_cast<int64_t>(rules.min_growth) || span_s <= 0) {
    growth.verdict = Verdict::steady;
  } else if (leavers > rules.max_leavers) {
    growth.verdict = Verdict::turnover;
  } else if (!grows_in_every_part(samples, rules) ||
             has_levelled(samples, static_cast<double>(settled) / span_s, rules)) {
    growth.verdict = Verdict::levelled;
  } else {
    growth.verdict = Verdict::leak;
  }
  return growth;
}

}  // namespace coroscope
