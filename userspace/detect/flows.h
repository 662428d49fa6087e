// SPDX-License-Identifier: Apache-2.0
// What happened beyond each age of a group between two censuses: what the sequential
// tests are fed with.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/populations.h"

namespace coroscope {

// StayWeights is what it tells, of one member, by its age bin, that it stayed for an
// interval, or left in it. `healthy` is the hypothesis that after a stay of `a` it leaves
// at a rate of exponent / a or more; the alternatives have a share of that rate.
struct StayWeights {
  static constexpr std::array<double, 2> shares = {0.25, 0.02};

  StayWeights(uint64_t interval_ns, double exponent);

  struct Weight {
    float leaves = 0;                         // chance that a healthy one leaves
    std::array<float, shares.size()> stayed;  // nats for each alternative
    std::array<float, shares.size()> left;
  };
  std::vector<Weight> by_bin;  // max_age_bins
};

// Flow is about the members beyond one age; its index is the age bin where that begins.
struct Flow {
  uint32_t came = 0;   // beyond that age
  uint32_t left = 0;   // of those beyond it
  float expected = 0;  // departures, at the least, were they healthy
  std::array<float, StayWeights::shares.size()> nats{};
};
using Flows = std::vector<Flow>;

// Overwrites `flows`.
void flows_of(const Stays& stays, const StayWeights& weights, Flows& flows);

}  // namespace coroscope
