// SPDX-License-Identifier: Apache-2.0
#include "detect/cohort.h"

#include <fmt/format.h>

#include <algorithm>

namespace coroscope {
namespace {

// Departures that are no lifetime to learn from: a member that was helped to its end.
constexpr uint64_t strays = 2;

}  // namespace

void CohortTest::step(const Flows& flows, uint64_t before_ns) {
  if (levels_.size() < flows.size()) levels_.resize(flows.size());
  for (size_t bin = 0; bin < flows.size(); ++bin) {
    const Flow& flow = flows[bin];
    if (flow.expected <= 0 && flow.left == 0) continue;
    Level& level = levels_[bin];
    bool anew = true;
    for (size_t i = 0; i < level.sums.size(); ++i) {
      anew &= level.sums[i].add(flow.nats[i]);
    }
    if (anew) {
      level.since_ns = before_ns;
      level.expected = 0;
      level.left = 0;
    }
    level.expected += flow.expected;
    level.left += flow.left;
  }
}

CohortEvidence CohortTest::check(size_t age_bin) const {
  CohortEvidence evidence;
  if (age_bin >= levels_.size()) return evidence;
  const Level& level = levels_[age_bin];
  evidence.nats = strongest(level.sums);
  evidence.since_ns = level.since_ns;
  evidence.expected = level.expected;
  evidence.left = level.left;
  return evidence;
}

void ShownLifetimes::step(const Stays& stays) {
  if (left_by_bin_.size() < stays.left.size()) left_by_bin_.resize(stays.left.size());
  for (size_t bin = 0; bin < stays.left.size(); ++bin) {
    left_by_bin_[bin] += stays.left[bin];
    left_ += stays.left[bin];
  }
}

size_t ShownLifetimes::bin_beyond(double share) const {
  if (left_ < least) return 0;
  const auto allowed =
      std::max<uint64_t>(strays, static_cast<uint64_t>(share * static_cast<double>(left_)));
  uint64_t beyond = 0;
  for (size_t bin = left_by_bin_.size(); bin-- > 0;) {
    beyond += left_by_bin_[bin];
    if (beyond > allowed) return bin + 1;
  }
  return 0;
}

std::string format(const CohortEvidence& evidence) {
  return fmt::format("{} left, where {:.0f} or more would have, were they healthy ({:.0f} nats)",
                     evidence.left, evidence.expected, evidence.nats);
}

std::string summary(const CohortEvidence& evidence) {
  return fmt::format("{} left, {:.0f} expected", evidence.left, evidence.expected);
}

}  // namespace coroscope
