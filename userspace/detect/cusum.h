// SPDX-License-Identifier: Apache-2.0
// Sums of evidence that may be looked at at every tick.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace coroscope {

// Cusum is Page's cumulative sum (Page 1954) of log likelihood ratios, in nats. It
// begins anew where the evidence is against a change, and so tells when one began.
//
// As long as there is no change, the chance that it exceeds `x` at a given tick is at
// most exp(-x) (it is below the Shiryaev-Roberts e-detector, whose expectation is the
// number of ticks: Shin, Ramdas and Rinaldo, "E-detectors", 2022). So it may be asked at
// every tick: false alarms do not add up beyond ticks * exp(-x).
struct Cusum {
  // More would only make it slow to see that a change is over.
  static constexpr float most_nats = 400;

  float nats = 0;

  // True if it began anew.
  bool add(double evidence) {
    const bool anew = nats <= 0;
    nats = std::min(most_nats, static_cast<float>(std::max(0.0f, nats) + evidence));
    return anew;
  }
};

// Of several alternatives, the one for which there is most.
template <size_t N>
double strongest(const std::array<Cusum, N>& sums) {
  float nats = 0;
  for (const Cusum& sum : sums) nats = std::max(nats, sum.nats);
  return nats;
}

// The evidence that a test has to give, in nats, so that at most `alarms` false ones are
// to be expected in `ticks` of `tests` Cusums together (Bonferroni).
double nats_needed(double alarms, double ticks, double tests);

}  // namespace coroscope
