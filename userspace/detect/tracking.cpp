// SPDX-License-Identifier: Apache-2.0
#include "detect/tracking.h"

namespace coroscope {

static_assert(all_groupings[0] == Grouping::by_place && all_groupings[1] == Grouping::by_spawn &&
              all_groupings[2] == Grouping::by_parked);

Tracking::Tracking(const JudgeRules& rules)
    : grouped_{Grouped{Populations(Grouping::by_place), Judge(rules)},
               Grouped{Populations(Grouping::by_spawn), Judge(rules)},
               Grouped{Populations(Grouping::by_parked), Judge(rules)}} {}

void Tracking::add(const Census& census, uint64_t process_ns) {
  for (Grouped& grouped : grouped_) {
    grouped.populations.add(census);
    grouped.judge.step(grouped.populations, process_ns);
  }
}

Judgement Tracking::judge(const Population& population, uint64_t patience_ns) const {
  const Grouped& grouped = at(population.grouping);
  const auto group = static_cast<size_t>(&population - grouped.populations.all().data());
  return grouped.judge.judge(grouped.populations, group, patience_ns);
}

}  // namespace coroscope
