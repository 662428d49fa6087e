// SPDX-License-Identifier: Apache-2.0
#include "detect/arrivals.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace coroscope {
namespace {

// Of the arrivals that a steady rate would have in each part of a time, how many there
// have to be; and how many in all, where they come in clumps: clumps.
constexpr double least_share = 0.5;
constexpr double least_arrivals = 32;
// Their age on average, of that time, at the most. At a steady rate it is 0.5, give or take
// 1/sqrt(12 n). Of what fills up exponentially, with a time constant as long as the time,
// it is 0.58, with a shorter one it is more.
constexpr double oldest_mean = 0.58;
constexpr double deviations = 1.5;

// Spread is of the ages between two.
struct Spread {
  double members = 0;
  double mean = 0;   // age, of the time: 0.5 at a steady rate
  double clump = 1;  // members that came together, on average: Pearson's chi square a bin
};

Spread spread_of(const AgeBins& present, uint64_t from_ns, uint64_t to_ns) {
  constexpr double least_expected = 5;  // for chi square to mean anything
  constexpr double least_width = 1. / 16;
  const auto length = static_cast<double>(to_ns - from_ns);
  Spread spread;
  spread.members = count_between(present, from_ns, to_ns);
  double sum = 0;
  double chi_square = 0;
  double bins = 0;
  double width = 0;
  double found = 0;
  for (size_t bin = age_bin(from_ns); bin < present.size(); ++bin) {
    const uint64_t low = std::max(age_bin_floor_ns(bin), from_ns);
    const uint64_t high = std::min(age_bin_floor_ns(bin + 1), to_ns);
    if (high <= low) break;
    const double members = count_between(present, low, high);
    sum += members * ((static_cast<double>(low) + static_cast<double>(high)) / 2 -
                      static_cast<double>(from_ns));
    found += members;
    width += static_cast<double>(high - low) / length;
    const double expected = spread.members * width;
    if (expected < least_expected || width < least_width) continue;
    chi_square += (found - expected) * (found - expected) / expected;
    bins++;
    found = width = 0;
  }
  if (spread.members > 0) spread.mean = sum / spread.members / length;
  if (bins > 1) spread.clump = std::max(1.0, chi_square / (bins - 1));
  return spread;
}

bool undiminished(const AgeBins& present, uint64_t beyond_ns, uint64_t time_ns) {
  // The latest eighths, and quarters before.
  constexpr std::array<double, 7> edges = {0, 1. / 8, 2. / 8, 3. / 8, 4. / 8, 6. / 8, 1};
  const auto at = [&](double share) {
    return beyond_ns + static_cast<uint64_t>(share * static_cast<double>(time_ns));
  };
  const Spread came = spread_of(present, at(0), at(1));
  const double clumps = came.members / came.clump;
  if (clumps < least_arrivals) return false;
  if (came.mean + deviations / std::sqrt(12 * clumps) > oldest_mean) return false;
  // Nor were there more before.
  const double ever = count_between(present, at(0), UINT64_MAX);
  const double times =
      static_cast<double>(oldest_ns(present) - beyond_ns) / static_cast<double>(time_ns);
  if (came.members * times < least_share * ever) return false;
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    const double part = count_between(present, at(edges[i]), at(edges[i + 1]));
    if (part < least_share * came.members * (edges[i + 1] - edges[i])) return false;
  }
  return true;
}

}  // namespace

double count_between(const AgeBins& bins, uint64_t from_ns, uint64_t to_ns) {
  double count = 0;
  const size_t last_bin = std::min(bins.size(), age_bin(to_ns) + 1);
  for (size_t bin = age_bin(from_ns); bin < last_bin; ++bin) {
    if (bins[bin] == 0) continue;
    const auto low = static_cast<double>(age_bin_floor_ns(bin));
    const auto high = static_cast<double>(age_bin_floor_ns(bin + 1));
    const double first = std::max(low, static_cast<double>(from_ns));
    const double last = std::min(high, static_cast<double>(to_ns));
    if (last > first) count += bins[bin] * (last - first) / (high - low);
  }
  return count;
}

uint64_t count_beyond(const AgeBins& bins, size_t first_bin) {
  uint64_t count = 0;
  for (size_t bin = first_bin; bin < bins.size(); ++bin) count += bins[bin];
  return count;
}

uint64_t oldest_ns(const AgeBins& bins) {
  for (size_t bin = bins.size(); bin-- > 0;) {
    if (bins[bin] > 0) return age_bin_floor_ns(bin);
  }
  return 0;
}

bool came_undiminished(const AgeBins& present, uint64_t beyond_ns, uint64_t time_ns) {
  const uint64_t oldest = oldest_ns(present);
  for (uint64_t time = time_ns; time > 0 && beyond_ns + time <= oldest; time *= 2) {
    if (undiminished(present, beyond_ns, time)) return true;
  }
  return false;
}

}  // namespace coroscope
