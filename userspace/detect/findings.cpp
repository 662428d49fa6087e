// SPDX-License-Identifier: Apache-2.0
#include "detect/findings.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace coroscope {
namespace {

// The share of a spawn stack's growth that its populations have to explain.
constexpr double most = 0.5;

const Population* largest_place(const Populations& by_place, SpawnStack spawn_stack) {
  const Population* largest = nullptr;
  for (const Population& population : by_place.all()) {
    if (population.key.spawn_stack != spawn_stack || population.live == 0) continue;
    if (!largest || population.live > largest->live) largest = &population;
  }
  return largest;
}

// By urgency: leaks, then growth, the fastest first.
bool before(const Finding& a, const Finding& b) {
  const bool a_leaks = a.growth.verdict == Verdict::leak;
  const bool b_leaks = b.growth.verdict == Verdict::leak;
  return a_leaks != b_leaks ? a_leaks : a.growth.per_second > b.growth.per_second;
}

}  // namespace

std::vector<Finding> judge_all(const Populations& by_place, const Populations& by_spawn,
                               const GrowthRules& rules) {
  std::vector<Finding> findings;
  std::unordered_map<SpawnStack, double> explained;
  for (const Population& population : by_place.all()) {
    const Growth growth = judge_growth(population, rules);
    if (growth.verdict == Verdict::steady) continue;
    if (growth.verdict == Verdict::leak) explained[population.key.spawn_stack] += growth.per_second;
    findings.push_back({&population, &population, growth});
  }
  std::unordered_set<SpawnStack> told_as_a_whole;
  for (const Population& population : by_spawn.all()) {
    const Growth growth = judge_growth(population, rules);
    const SpawnStack stack = population.key.spawn_stack;
    if (growth.verdict != Verdict::leak || explained[stack] >= most * growth.per_second) continue;
    findings.push_back({&population, largest_place(by_place, stack), growth});
    told_as_a_whole.insert(stack);
  }
  std::erase_if(findings, [&told_as_a_whole](const Finding& finding) {
    return finding.growth.verdict != Verdict::leak &&
           told_as_a_whole.contains(finding.population->key.spawn_stack);
  });
  std::stable_sort(findings.begin(), findings.end(), before);
  return findings;
}

}  // namespace coroscope
