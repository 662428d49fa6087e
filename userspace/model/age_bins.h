// SPDX-License-Identifier: Apache-2.0
// Ages in bins that grow with the age: four to a doubling, so that a bin's upper
// edge is at most 1.25 times its lower one, for milliseconds as for weeks.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coroscope {

// Members by bin of their age; as long as the oldest of them asks for.
using AgeBins = std::vector<uint32_t>;

inline constexpr size_t max_age_bins = 172;

// Ages below 2^20 ns (1.05 ms) are in bin 0.
inline size_t age_bin(uint64_t age_ns) {
  const uint64_t units = age_ns >> 20;
  if (units < 4) return units;
  const auto exponent = static_cast<size_t>(std::bit_width(units)) - 1;
  return 4 * (exponent - 1) + ((units >> (exponent - 2)) & 3);
}

// The lowest age of a bin; beyond the last one, the highest age there is.
inline uint64_t age_bin_floor_ns(size_t bin) {
  if (bin < 4) return uint64_t{bin} << 20;
  if (bin >= max_age_bins) return UINT64_MAX;
  const size_t exponent = bin / 4 + 1;
  return (uint64_t{4 + bin % 4} << (exponent - 2)) << 20;
}

inline void add_age(AgeBins& bins, size_t bin, uint32_t members = 1) {
  if (bins.size() <= bin) bins.resize(bin + 1);
  bins[bin] += members;
}

inline uint32_t age_count(const AgeBins& bins, size_t bin) {
  return bin < bins.size() ? bins[bin] : 0;
}

}  // namespace coroscope
