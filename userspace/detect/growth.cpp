// SPDX-License-Identifier: Apache-2.0
#include "detect/growth.h"

#include <fmt/format.h>

#include <cmath>

namespace coroscope {
namespace {

// Share of arrivals among all events, of the alternatives.
constexpr std::array<double, 3> arrivals = {0.6, 0.75, 0.95};
// Expected arrivals in a time without any.
constexpr double too_quiet = 7;

double nats_came(size_t i) {
  return std::log(2 * arrivals[i]);
}
double nats_left(size_t i) {
  return std::log(2 * (1 - arrivals[i]));
}
const std::array<double, 3> came_nats = {nats_came(0), nats_came(1), nats_came(2)};
const std::array<double, 3> left_nats = {nats_left(0), nats_left(1), nats_left(2)};

double seconds(uint64_t from_ns, uint64_t to_ns) {
  return to_ns > from_ns ? static_cast<double>(to_ns - from_ns) / 1e9 : 0;
}

}  // namespace

double nats_needed(double alarms, double ticks, double tests) {
  return std::log(std::max(1.0, ticks * tests / alarms));
}

double GrowthEvidence::per_second() const {
  const double length = seconds(since_ns, until_ns);
  return length > 0 ? (static_cast<double>(came) - static_cast<double>(left)) / length : 0;
}

bool GrowthEvidence::has_stopped() const {
  const double length = seconds(since_ns, last_came_ns);
  if (length <= 0) return false;
  return static_cast<double>(came) / length * seconds(last_came_ns, until_ns) > too_quiet;
}

void GrowthTest::step(const Flows& flows, uint64_t before_ns, uint64_t time_ns) {
  if (levels_.size() < flows.size()) levels_.resize(flows.size());
  now_ns_ = time_ns;
  for (size_t bin = 0; bin < flows.size(); ++bin) {
    const Flow& flow = flows[bin];
    if (flow.came == 0 && flow.left == 0) continue;
    Level& level = levels_[bin];
    bool anew = true;
    for (size_t i = 0; i < level.sums.size(); ++i) {
      // Both have to be over for the growth to be.
      anew &= level.sums[i].add(flow.came * came_nats[i] + flow.left * left_nats[i]);
    }
    if (anew) {
      level.since_ns = before_ns;
      level.came = level.left = 0;
    }
    level.came += flow.came;
    level.left += flow.left;
    if (flow.came > 0) level.last_came_ns = time_ns;
  }
}

GrowthEvidence GrowthTest::check(size_t age_bin) const {
  GrowthEvidence evidence;
  evidence.until_ns = now_ns_;
  if (age_bin >= levels_.size()) return evidence;
  const Level& level = levels_[age_bin];
  evidence.nats = strongest(level.sums);
  evidence.since_ns = level.since_ns;
  evidence.last_came_ns = level.last_came_ns;
  evidence.came = level.came;
  evidence.left = level.left;
  return evidence;
}

std::string format(const GrowthEvidence& evidence) {
  return fmt::format("{} for {:.1f} s: {} came, {} left ({:.0f} nats)", summary(evidence),
                     seconds(evidence.since_ns, evidence.until_ns), evidence.came, evidence.left,
                     evidence.nats);
}

std::string summary(const GrowthEvidence& evidence) {
  return fmt::format("{:+.1f}/s", evidence.per_second());
}

}  // namespace coroscope
