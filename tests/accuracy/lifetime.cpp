// SPDX-License-Identifier: Apache-2.0
#include "lifetime.h"

#include <fmt/format.h>

#include <algorithm>

namespace coroscope::accuracy {

Lifetime Lifetime::any(Random& random, double least, double most) {
  const double scale = random.log_uniform(least, most);
  switch (random.below(4)) {
    case 0:
      return uniform(scale * random.uniform(0, 0.9), scale);
    case 1:
      return exponential(scale / 2);
    case 2:
      return lognormal(scale / 4, random.uniform(0.2, 1.2));
    default:
      return heavy(random, least, scale);
  }
}

Lifetime Lifetime::heavy(Random& random, double least, double most) {
  const double scale = random.log_uniform(least, most);
  switch (random.below(3)) {
    case 0:
      return pareto(scale / 10, random.uniform(1.05, 2.5));
    case 1:
      return lognormal(scale / 10, random.uniform(1.2, 2.2));
    default:
      return weibull(scale / 4, random.uniform(0.4, 0.9));
  }
}

double Lifetime::survival(double age) const {
  if (age <= 0) return 1;
  switch (kind_) {
    case Kind::uniform:
      return std::clamp((b_ - age) / (b_ - a_), 0.0, 1.0);
    case Kind::exponential:
      return std::exp(-age / a_);
    case Kind::lognormal:
      return 0.5 * std::erfc(std::log(age / a_) / b_ / std::sqrt(2.0));
    case Kind::pareto:
      return age <= a_ ? 1 : std::pow(a_ / age, b_);
    case Kind::weibull:
      return std::exp(-std::pow(age / a_, b_));
    case Kind::for_ever:
      break;
  }
  return 1;
}

double Lifetime::age_of(double survival) const {
  switch (kind_) {
    case Kind::uniform:
      return b_ - (b_ - a_) * survival;
    case Kind::exponential:
      return -a_ * std::log(survival);
    case Kind::pareto:
      return a_ * std::pow(survival, -1 / b_);
    case Kind::weibull:
      return a_ * std::pow(-std::log(survival), 1 / b_);
    case Kind::for_ever:
      return INFINITY;
    case Kind::lognormal:
      break;
  }
  // There is no formula: between two powers of two, halved.
  double high = a_;
  while (this->survival(high) > survival) high *= 2;
  double low = high;
  while (this->survival(low) <= survival) low /= 2;
  for (int i = 0; i < 30; ++i) {
    const double middle = (low + high) / 2;
    (this->survival(middle) > survival ? low : high) = middle;
  }
  return high;
}

double Lifetime::mean() const {
  // The integral of the survival function, in steps that grow with the age.
  double sum = 0;
  double from = 0;
  for (double to = 1e-4; to < 86400; from = to, to *= 1.02) {
    sum += survival((from + to) / 2) * (to - from);
  }
  return sum;
}

std::string Lifetime::text() const {
  static const char* const names[] = {"uniform", "exponential", "lognormal",
                                      "pareto",  "weibull",     "for ever"};
  return fmt::format("{}({:.3g}, {:.3g})", names[static_cast<size_t>(kind_)], a_, b_);
}

}  // namespace coroscope::accuracy
