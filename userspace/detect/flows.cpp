// SPDX-License-Identifier: Apache-2.0
#include "detect/flows.h"

#include <algorithm>
#include <cmath>

namespace coroscope {

StayWeights::StayWeights(uint64_t interval_ns, double exponent) : by_bin(max_age_bins) {
  for (size_t bin = 0; bin < max_age_bins; ++bin) {
    // As if all were as old as the oldest of the bin: of those the least is expected.
    const auto age = static_cast<double>(age_bin_floor_ns(bin + 1));
    const double hazard = exponent * std::log1p(static_cast<double>(interval_ns) / age);
    const double leaves = -std::expm1(-hazard);
    Weight& weight = by_bin[bin];
    weight.leaves = static_cast<float>(leaves);
    for (size_t i = 0; i < shares.size(); ++i) {
      weight.stayed[i] = static_cast<float>((1 - shares[i]) * hazard);
      weight.left[i] =
          leaves > 0 ? static_cast<float>(std::log(-std::expm1(-shares[i] * hazard) / leaves)) : 0;
    }
  }
}

void flows_of(const Stays& stays, const StayWeights& weights, Flows& flows) {
  const size_t bins =
      std::max({stays.before.size(), stays.left.size(), stays.present.size(), size_t{1}});
  flows.assign(bins, Flow{});
  uint64_t before = 0;
  uint64_t left = 0;
  uint64_t present = 0;
  double expected = 0;
  std::array<double, StayWeights::shares.size()> nats{};
  for (size_t bin = std::min(bins, max_age_bins); bin-- > 0;) {
    const StayWeights::Weight& weight = weights.by_bin[bin];
    const uint32_t there = age_count(stays.before, bin);
    const uint32_t gone = age_count(stays.left, bin);
    before += there;
    left += gone;
    present += age_count(stays.present, bin);
    expected += static_cast<double>(there) * weight.leaves;
    Flow& flow = flows[bin];
    for (size_t i = 0; i < nats.size(); ++i) {
      nats[i] += static_cast<double>(there - std::min(there, gone)) * weight.stayed[i] +
                 static_cast<double>(gone) * weight.left[i];
      flow.nats[i] = static_cast<float>(nats[i]);
    }
    // Less only if a clock went back: then nobody came.
    flow.came = static_cast<uint32_t>(present + left > before ? present + left - before : 0);
    flow.left = static_cast<uint32_t>(left);
    flow.expected = static_cast<float>(expected);
  }
}

}  // namespace coroscope
