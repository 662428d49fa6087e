// SPDX-License-Identifier: Apache-2.0
// Detector "growth": a population that only grows and that nobody leaves.
#pragma once

#include <cstdint>

#include "detect/verdict.h"
#include "model/populations.h"

namespace coroscope {

// Growth is a verdict with its evidence.
struct Growth {
  Verdict verdict = Verdict::steady;
  uint64_t first_live = 0;  // at the first census, and at the last
  uint64_t last_live = 0;
  double per_second = 0;     // net growth over the time judged
  uint64_t judged_ns = 0;    // of a leak: how long it has grown as the rules ask, up to now
  uint64_t stayed = 0;       // members seen in stayed_censuses censuses in a row, in that time
  uint64_t stayed_left = 0;  // of those, left again
  uint32_t stayed_censuses = 0;
};

// What the detector asks for. The defaults are argued for in README.md.
struct GrowthRules {
  uint32_t parts = 4;                      // of the time judged, each of which has to grow
  uint32_t min_growth = 8;                 // coroutines, net
  uint32_t min_censuses = 8;               // in the time judged
  uint64_t min_judged_ns = 5'000'000'000;  // the time judged
  double max_leavers = 0.01;               // of those who stayed
  double last_part_at_least = 0.5;         // growth of the last part, of an average part
  double whole_at_least = 0.25;            // growth of all who live, of those who stayed
  double quiet_tail = 7.0;                 // expected arrivals in a tail with none: a plateau
  double beyond_tides = 1.25;              // times the highest before, if it went down again since
};

// Judges one population by its samples. Pure: no clock, no state.
//
// It is a leak if it is one over the whole time, or over the last half, quarter
// and so on of it, at any level of settling: a leak may begin late, or hide
// among members that turn over. Over less than the whole time it also has to
// have grown beyond all that was there before, so that a tide is no leak.
Growth judge_growth(const Population& population, const GrowthRules& rules = {});

// Whether a watch of that length, with as many censuses, can give a verdict at all.
bool long_enough_to_judge(uint64_t watched_ns, uint64_t censuses, const GrowthRules& rules = {});

}  // namespace coroscope
