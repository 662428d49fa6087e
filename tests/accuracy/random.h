// SPDX-License-Identifier: Apache-2.0
// Random numbers for the generator: the same ones everywhere for a seed, which the
// standard library's distributions do not promise.
#pragma once

#include <cmath>
#include <cstdint>

namespace coroscope::accuracy {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) { state_ = next() ^ seed; }

  // splitmix64 (Steele, Lea and Flood 2014).
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

  double uniform(double from = 0, double to = 1) {
    return from + (to - from) * (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53;
  }
  // As likely between 1 and 10 as between 10 and 100.
  double log_uniform(double from, double to) {
    return std::exp(uniform(std::log(from), std::log(to)));
  }
  bool chance(double p) { return uniform() < p; }
  uint64_t below(uint64_t n) { return static_cast<uint64_t>(uniform() * static_cast<double>(n)); }
  double normal() {
    return std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform());
  }

  // Exact below 64; above, a rounded normal one, whose error no test here can see.
  uint64_t poisson(double mean) {
    if (mean <= 0) return 0;
    if (mean >= 64) return rounded(mean + std::sqrt(mean) * normal());
    uint64_t count = 0;
    for (double left = -std::log(uniform()); left < mean; left -= std::log(uniform())) count++;
    return count;
  }
  uint64_t binomial(uint64_t n, double p) {
    if (n == 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - binomial(n, 1 - p);
    const auto size = static_cast<double>(n);
    if (size * p >= 64) {
      const uint64_t count = rounded(size * p + std::sqrt(size * p * (1 - p)) * normal());
      return count < n ? count : n;
    }
    // From one success to the next: geometric steps.
    uint64_t count = 0;
    const double step = std::log1p(-p);
    for (double at = std::ceil(std::log(uniform()) / step); at <= size;
         at += std::ceil(std::log(uniform()) / step)) {
      count++;
    }
    return count;
  }

 private:
  static uint64_t rounded(double x) { return x < 0.5 ? 0 : static_cast<uint64_t>(x + 0.5); }

  uint64_t state_;
};

}  // namespace coroscope::accuracy
