// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coro_bench {

// Histogram counts numbers in buckets that are less than 1% wide: 128 for each
// power of two, and one for each number below 256.
class Histogram {
 public:
  void add(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }

  // The least number of the bucket below which `fraction` of all are.
  [[nodiscard]] std::uint64_t quantile(double fraction) const {
    auto left = static_cast<std::uint64_t>(fraction * static_cast<double>(count_));
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
      if (buckets_[bucket] > left) return least_of(bucket);
      left -= buckets_[bucket];
    }
    return 0;
  }

 private:
  static constexpr std::size_t each = 128;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < 2 * each) return value;
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 8;
    return shift * each + (value >> shift);
  }

  static std::uint64_t least_of(std::size_t bucket) {
    if (bucket < 2 * each) return bucket;
    const std::size_t shift = bucket / each - 1;
    return std::uint64_t{bucket - shift * each} << shift;
  }

  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>(58 * each);
};

}  // namespace coro_bench
