// SPDX-License-Identifier: Apache-2.0
// Detector "growth": a population that only grows and that nobody leaves.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/populations.h"

namespace coroscope {

// Verdict says what a population did while it was watched.
enum class Verdict : uint8_t {
  steady,     // it did not grow to speak of
  turnover,   // it grew, but its members leave again: load, or a backlog
  levelled,   // it grew and stopped: a ramp, a pool, a cache that is full
  too_short,  // it grew, but was not watched long enough to say more
  leak,       // it grew in every part of the time, and who stayed never left
};

std::string_view verdict_name(Verdict verdict);

// Growth is a verdict with its evidence.
struct Growth {
  Verdict verdict = Verdict::steady;
  uint64_t first_live = 0;  // at the first census, and at the last
  uint64_t last_live = 0;
  double per_second = 0;  // net growth over the time watched
  uint64_t watched_ns = 0;
};

// What the detector asks for. The defaults are argued for in README.md.
struct GrowthRules {
  uint32_t parts = 4;                       // parts of the time watched, each of which has to grow
  uint64_t min_growth = 8;                  // coroutines, net
  uint32_t min_censuses = 8;                // since the population was first seen
  uint64_t min_watched_ns = 5'000'000'000;  // likewise
  double max_leavers = 0.01;                // of the settled members
  double last_part_at_least = 0.5;          // growth of the last part, of an average part
  double quiet_tail = 5.0;                  // expected arrivals in a tail with none: levelled
};

// Judges one population by its samples. Pure: no clock, no state.
Growth judge_growth(const Population& population, const GrowthRules& rules = {});

}  // namespace coroscope
