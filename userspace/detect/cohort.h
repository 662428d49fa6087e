// SPDX-License-Identifier: Apache-2.0
// Detector "cohort": members stay for longer than those of this group do.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "detect/cusum.h"
#include "detect/flows.h"

namespace coroscope {

// CohortEvidence is of the members beyond one age.
struct CohortEvidence {
  double nats = 0;
  uint64_t since_ns = 0;
  double expected = 0;  // departures since then, at the least, of healthy members
  uint64_t left = 0;    // and those that there were
};

// CohortTest asks of the members beyond each age whether they leave at all. Whatever
// their lifetimes are, healthy ones go on leaving: who has got old may get older, but of
// those who have stayed for a time `a`, a share of at least 1 - 2^-k leaves before 2a.
// The hypothesis is that, with k = doubling_exponent: a hazard of at least k / a. (Pareto
// lifetimes with exponent k have exactly that; lognormal, exponential, Weibull and bounded
// ones have more from some age on.) The alternatives are StayWeights::shares of it.
class CohortTest {
 public:
  static constexpr double doubling_exponent = 1;  // half leave before they double their age

  // Of the flows since the census at `before_ns`.
  void step(const Flows& flows, uint64_t before_ns);
  CohortEvidence check(size_t age_bin) const;

 private:
  struct Level {
    std::array<Cusum, StayWeights::shares.size()> sums;
    uint64_t since_ns = 0;
    float expected = 0;
    uint32_t left = 0;
  };
  std::vector<Level> levels_;
};

// ShownLifetimes is how long those stayed who left.
class ShownLifetimes {
 public:
  void step(const Stays& stays);

  uint64_t left() const { return left_; }
  // The age bin beyond which all but a share of them had left, or all but two if that
  // is more: 0 if fewer than `least` have left at all.
  size_t bin_beyond(double share) const;
  static constexpr uint64_t least = 20;

 private:
  std::vector<uint64_t> left_by_bin_;
  uint64_t left_ = 0;
};

// "0 of them left, where 57 would have if they were like any healthy ones (56 nats)"
std::string format(const CohortEvidence& evidence);
// "0 left, 57 expected"
std::string summary(const CohortEvidence& evidence);

}  // namespace coroscope
