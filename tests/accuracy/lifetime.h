// SPDX-License-Identifier: Apache-2.0
// Lifetimes of coroutines, as laws whose parameters are drawn at random.
#pragma once

#include <string>
#include <vector>

#include "random.h"

namespace coroscope::accuracy {

// Lifetime is a law of lifetimes, in seconds; or a mixture of two.
class Lifetime {
 public:
  enum class Kind { uniform, exponential, lognormal, pareto, weibull, for_ever };

  // Between two ages, all as likely.
  static Lifetime uniform(double from, double to) { return {Kind::uniform, from, to}; }
  static Lifetime exponential(double mean) { return {Kind::exponential, mean, 0}; }
  static Lifetime lognormal(double median, double sigma) {
    return {Kind::lognormal, median, sigma};
  }
  static Lifetime pareto(double least, double exponent) { return {Kind::pareto, least, exponent}; }
  static Lifetime weibull(double scale, double shape) { return {Kind::weibull, scale, shape}; }
  static Lifetime for_ever() { return {Kind::for_ever, 0, 0}; }

  // One of them, typically of `least` to `most` seconds.
  static Lifetime any(Random& random, double least, double most);
  // One whose tail is heavier than exponential.
  static Lifetime heavy(Random& random, double least, double most);

  // The chance to live for longer than that.
  double survival(double age) const;
  // The age that so many reach: the inverse of survival().
  double age_of(double survival) const;
  // Seconds, cut off after a day.
  double mean() const;
  std::string text() const;

 private:
  Lifetime(Kind kind, double a, double b) : kind_(kind), a_(a), b_(b) {}

  Kind kind_;
  double a_;
  double b_;
};

}  // namespace coroscope::accuracy
