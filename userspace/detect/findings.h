// SPDX-License-Identifier: Apache-2.0
// Findings: the verdicts on all populations of a target, each leak told once.
#pragma once

#include <unordered_map>
#include <vector>

#include "detect/tracking.h"

namespace coroscope {

struct Finding {
  const Population* population = nullptr;  // lives as long as the Tracking it came from
  // Where most of its members are that make the verdict: itself, if it is of one place.
  // May be null.
  const Population* main_place = nullptr;
  Judgement judgement;
  // Of a leak of more than one population: what differs, among those who wait. Where they
  // wait, the first few stacks, as a compiler may make several of one line.
  bool several_reasons = false;
  bool several_births = false;
  bool several_labels = false;
  std::vector<ParkedStack> parked_stacks{};
  bool mostly_main_place = true;  // most of those members are there
};

// PlaceVerdicts are faults of populations of one place that were found otherwise: they
// stand for what growth tells of these. Verdict::leak: nobody seems to be able to end its
// members' waits, so it is a leak if it grows, however short.
using PlaceVerdicts = std::unordered_map<PopulationKey, Verdict, PopulationKeyHash>;

// Judges every population and returns those with a verdict other than steady, or with `all`
// those too, faults first, the fastest growing first.
//
// A leak whose members wait in several places, or were born in several, is one finding: on
// the spawn stack, or on the parked stack, and not on each of them. It is told of the one
// place instead if that explains most of it.
std::vector<Finding> find_all(const Tracking& tracking, uint64_t patience_ns, bool all = false,
                              const PlaceVerdicts& places = {});

}  // namespace coroscope
