// SPDX-License-Identifier: Apache-2.0
// Detector "growth": more come to a group than leave it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "detect/cusum.h"
#include "detect/flows.h"

namespace coroscope {

// GrowthEvidence is of the members beyond one age.
struct GrowthEvidence {
  double nats = 0;
  uint64_t since_ns = 0;      // when the growth began, as far as can be told; 0: there is none
  uint64_t last_came_ns = 0;  // the latest arrival
  uint64_t came = 0;          // since then
  uint64_t left = 0;
  uint64_t until_ns = 0;  // the time of the evidence

  double per_second() const;
  // Whether so long without an arrival is no chance any more.
  bool has_stopped() const;
};

// GrowthTest asks of the members beyond each age: is an event as likely to be an arrival
// as a departure, or more likely? For each age the hypothesis is that, whatever the load,
// of all arrivals and departures at most half are arrivals; the alternatives are that
// 3/5, 3/4 and 19/20 are.
class GrowthTest {
 public:
  // Of the flows between two censuses, at these times.
  void step(const Flows& flows, uint64_t before_ns, uint64_t time_ns);
  GrowthEvidence check(size_t age_bin) const;

 private:
  struct Level {
    std::array<Cusum, 3> sums;
    uint64_t since_ns = 0;
    uint64_t last_came_ns = 0;
    uint64_t came = 0;
    uint64_t left = 0;
  };
  std::vector<Level> levels_;
  uint64_t now_ns_ = 0;
};

// "+100.0/s since 12 s: 1204 came, 3 left"
std::string format(const GrowthEvidence& evidence);
// "+100.0/s"
std::string summary(const GrowthEvidence& evidence);

}  // namespace coroscope
