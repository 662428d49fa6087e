// SPDX-License-Identifier: Apache-2.0
#include "detect/findings.h"

#include <algorithm>
#include <unordered_map>

namespace coroscope {
namespace {

// The share of a spawn stack's growth that its populations have to explain.
constexpr double most = 0.5;

}  // namespace

std::vector<Finding> judge_all(const Populations& by_place, const Populations& by_spawn,
                               const GrowthRules& rules) {
  std::vector<Finding> findings;
  std::unordered_map<SpawnStack, double> explained;
  for (const Population& population : by_place.all()) {
    const Growth growth = judge_growth(population, rules);
    if (growth.verdict == Verdict::steady) continue;
    if (growth.verdict == Verdict::leak) explained[population.key.spawn_stack] += growth.per_second;
    findings.push_back({&population, growth});
  }
  for (const Population& population : by_spawn.all()) {
    const Growth growth = judge_growth(population, rules);
    if (growth.verdict != Verdict::leak) continue;
    if (explained[population.key.spawn_stack] >= most * growth.per_second) continue;
    findings.push_back({&population, growth});
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    if ((a.growth.verdict == Verdict::leak) != (b.growth.verdict == Verdict::leak)) {
      return a.growth.verdict == Verdict::leak;
    }
    return a.growth.per_second > b.growth.per_second;
  });
  return findings;
}

}  // namespace coroscope
