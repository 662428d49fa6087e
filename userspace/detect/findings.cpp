// SPDX-License-Identifier: Apache-2.0
#include "detect/findings.h"

#include <algorithm>
#include <functional>

namespace coroscope {
namespace {

// The share of a group's growth that one place has to explain.
constexpr double most = 0.5;

// Of which it is found out whether they are of the same lines.
constexpr size_t most_stacks = 16;

bool is_in(const Population& place, const Population& group) {
  if (group.grouping == Grouping::by_spawn) {
    return place.key.spawn_stack == group.key.spawn_stack;
  }
  PopulationKey key = place.key;
  key.spawn_stack = 0;
  key.label = no_label;
  return key == group.key;
}

// A place that is known: not that of those who run, or could not be read.
bool has_place(const Population& population) {
  return population.key.parked_stack >= first_parked_stack;
}

uint64_t members_beyond(const Population& population, uint64_t age_ns) {
  uint64_t members = 0;
  for (size_t bin = age_bin(age_ns); bin < population.stays.present.size(); ++bin) {
    members += population.stays.present[bin];
  }
  return members;
}

// Where most of a group's members are that have stayed for long: a stay in a place is no
// longer than that in the group, so who is older than half of the age counts.
const Population* main_place_of(const Population& group, const Judgement& judgement,
                                const Populations& by_place) {
  const Population* main = nullptr;
  uint64_t most_members = 0;
  for (const Population& place : by_place.all()) {
    if (place.live == 0 || !is_in(place, group)) continue;
    const uint64_t members = members_beyond(place, judgement.beyond_ns / 2);
    if (main && members <= most_members) continue;
    main = &place;
    most_members = members;
  }
  return main;
}

bool has_most(const Population& place, const Population& group, const Judgement& judgement) {
  const uint64_t age_ns = judgement.beyond_ns;
  return static_cast<double>(members_beyond(place, age_ns)) >=
         most * static_cast<double>(members_beyond(group, age_ns));
}

void tell_what_differs(const Populations& by_place, Finding& finding) {
  const Population* first = nullptr;
  std::vector<ParkedStack>& stacks = finding.parked_stacks;
  for (const Population& place : by_place.all()) {
    if (place.live == 0 || !is_in(place, *finding.population) || !has_place(place)) continue;
    if (first == nullptr) first = &place;
    const PopulationKey& key = place.key;
    finding.several_reasons |= key.reason != first->key.reason;
    finding.several_births |= key.spawn_stack != first->key.spawn_stack;
    finding.several_labels |= key.label != first->key.label;
    const bool known = std::find(stacks.begin(), stacks.end(), key.parked_stack) != stacks.end();
    if (!known && stacks.size() < most_stacks) stacks.push_back(key.parked_stack);
  }
}

// A leak of one place, and whether it is told as part of one of several.
struct PlaceLeak {
  const Population* place = nullptr;
  double per_second = 0;
  bool covered = false;
};

// Replaces the findings on the places of a leaking group by one on the group, unless one
// place explains most of it, or it is told already.
void merge(std::vector<Finding>& findings, std::vector<PlaceLeak>& leaks, Finding group) {
  std::vector<PlaceLeak*> within;
  double covered = 0;
  for (PlaceLeak& leak : leaks) {
    if (!is_in(*leak.place, *group.population)) continue;
    within.push_back(&leak);
    if (leak.covered) covered += leak.per_second;
  }
  const double enough = most * group.judgement.per_second;
  if (covered >= enough && covered > 0) return;
  if (within.size() == 1 && within[0]->per_second >= enough) return;
  double told = 0;
  bool one_label = true;
  for (PlaceLeak* leak : within) {
    leak->covered = true;
    told += leak->per_second;
    one_label &= leak->place->key.label == within[0]->place->key.label;
  }
  // Others that are there may be healthy.
  if (one_label && told >= enough && !within.empty()) group.several_labels = false;
  std::erase_if(findings, [&group](const Finding& finding) {
    const Verdict verdict = finding.judgement.verdict;
    return finding.population->grouping == Grouping::by_place &&
           (verdict == Verdict::leak || !is_fault(verdict)) &&
           is_in(*finding.population, *group.population);
  });
  findings.push_back(std::move(group));
}

// By urgency: faults, then what grows, the fastest first.
bool before(const Finding& a, const Finding& b) {
  const bool a_is = is_fault(a.judgement.verdict);
  const bool b_is = is_fault(b.judgement.verdict);
  if (a_is != b_is) return a_is;
  const bool a_steady = a.judgement.verdict == Verdict::steady;
  const bool b_steady = b.judgement.verdict == Verdict::steady;
  if (a_steady != b_steady) return b_steady;
  return a_steady ? a.population->live > b.population->live
                  : a.judgement.per_second > b.judgement.per_second;
}

}  // namespace

std::vector<Finding> find_all(const Tracking& tracking, uint64_t patience_ns, bool all,
                              const PlaceVerdicts& places) {
  const Populations& by_place = tracking.by(Grouping::by_place);
  std::vector<Finding> findings;
  std::vector<PlaceLeak> leaks;
  for (const Population& population : by_place.all()) {
    Judgement judgement = tracking.judge(population, patience_ns);
    const auto known = places.find(population.key);
    const bool found = known != places.end() && population.live > 0;
    if (found && known->second == Verdict::leak && may_become_fault(judgement)) {
      judgement.verdict = Verdict::leak;
      judgement.ground = Ground::unreachable;
    }
    const bool given = found && known->second != Verdict::leak;
    if (given || judgement.verdict == Verdict::leak) {
      leaks.push_back({&population, judgement.per_second, given});
    }
    if (given) judgement.verdict = known->second;
    const bool shown = judgement.verdict != Verdict::steady || (all && population.live > 0);
    if (shown) findings.push_back({&population, &population, judgement});
  }
  for (const Grouping grouping : {Grouping::by_spawn, Grouping::by_parked}) {
    for (const Population& population : tracking.by(grouping).all()) {
      if (grouping == Grouping::by_parked && !has_place(population)) continue;
      const Judgement judgement = tracking.judge(population, patience_ns);
      if (judgement.verdict != Verdict::leak) continue;
      const Population* main = main_place_of(population, judgement, by_place);
      Finding group{&population, main, judgement};
      tell_what_differs(by_place, group);
      group.mostly_main_place = main != nullptr && has_most(*main, population, judgement);
      merge(findings, leaks, std::move(group));
    }
  }
  std::stable_sort(findings.begin(), findings.end(), before);
  return findings;
}

}  // namespace coroscope
