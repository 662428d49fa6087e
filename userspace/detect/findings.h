// SPDX-License-Identifier: Apache-2.0
// Findings: the verdicts on all populations of a target, each leak told once.
#pragma once

#include <vector>

#include "detect/growth.h"

namespace coroscope {

struct Finding {
  const Population* population = nullptr;  // lives as long as the Populations it came from
  // Where most of its members are: itself, if it is of one place. May be null.
  const Population* main_place = nullptr;
  Growth growth;
};

// Judges every population and returns those with a verdict other than steady,
// leaks first, the fastest growing first. A leak of a spawn stack as a whole
// is told only if no population of that stack explains most of it, and then
// in place of what the stack's other populations did.
std::vector<Finding> judge_all(const Populations& by_place, const Populations& by_spawn,
                               const GrowthRules& rules = {});

}  // namespace coroscope
