// SPDX-License-Identifier: Apache-2.0
#include "series.h"

#include <algorithm>

namespace coroscope::accuracy {
namespace {

// Of so many seconds after birth the departures are drawn by number, of later ones for
// each member.
constexpr uint64_t by_number = 64;

// Of a member that was born `seconds` before the second that ends at a census: those
// born in it are half a second old on average.
uint64_t age_ns(uint64_t seconds) {
  return seconds * 1'000'000'000 + 500'000'000;
}

constexpr double day_s = 86'400;

// The chance to be alive at the census so many seconds after that of the second of birth,
// which may be at any time of that second.
double alive_after(const Lifetime& lifetime, uint64_t seconds) {
  const auto age = static_cast<double>(seconds);
  if (seconds >= 16) return lifetime.survival(age + 0.5);
  double sum = 0;
  for (int i = 0; i < 16; ++i) sum += lifetime.survival(age + (i + 0.5) / 16);
  return sum / 16;
}

size_t bin_of(uint64_t seconds) {
  return age_bin(age_ns(seconds));
}

}  // namespace

Series::Series(uint64_t seed) : random_(seed) {}

void Series::leave_at(uint64_t second, uint64_t members) {
  if (members == 0) return;
  if (leaving_.size() <= second) leaving_.resize(second + 1);
  leaving_[second].push_back({static_cast<uint32_t>(second_), static_cast<uint32_t>(members)});
}

void Series::born(uint64_t members, const Lifetime& lifetime) {
  double survival = alive_after(lifetime, 0);
  uint64_t left = random_.binomial(members, survival);
  born_ += left;
  for (uint64_t later = 1; later <= by_number && left > 0; ++later) {
    const double next = alive_after(lifetime, later);
    const uint64_t leave = random_.binomial(left, 1 - next / survival);
    leave_at(second_ + later, leave);
    left -= leave;
    survival = next;
  }
  if (lifetime.survival(day_s) >= 1) return;
  for (; left > 0; --left) {
    const double age = lifetime.age_of(random_.uniform() * survival) - 0.5;
    if (age < day_s) leave_at(second_ + std::max(by_number + 1, static_cast<uint64_t>(age) + 1), 1);
  }
}

void Series::take_leave(const Leaving& leaving) {
  uint32_t& alive = alive_[leaving.born];
  const uint32_t members = std::min(leaving.members, alive);
  if (members == 0) return;
  alive -= members;
  live_ -= members;
  // Where it was at the census before.
  const size_t bin = bin_of(second_ - leaving.born - 1);
  add_age(stays_.left, bin, members);
  stays_.present[bin] -= members;
}

// All get older by a second: those at the end of a bin go on to the next one.
void Series::grow_older() {
  for (size_t bin = stays_.present.size(); bin-- > 0;) {
    // The first whole second at which a member is in the next bin.
    uint64_t seconds = age_bin_floor_ns(bin + 1) / 1'000'000'000;
    while (bin_of(seconds) <= bin) seconds++;
    while (seconds > 0 && bin_of(seconds - 1) > bin) seconds--;
    if (seconds == 0 || seconds > second_) continue;
    const uint32_t members = alive_[second_ - seconds];
    if (members == 0 || bin_of(seconds - 1) != bin) continue;
    add_age(stays_.present, bin_of(seconds), members);
    stays_.present[bin] -= members;
  }
}

void Series::tick() {
  stays_.before = stays_.present;
  stays_.left.clear();
  if (leaving_.size() > second_) {
    for (const Leaving& leaving : leaving_[second_]) take_leave(leaving);
    std::vector<Leaving>().swap(leaving_[second_]);
  }
  if (all_leave_) {
    for (uint32_t born = 0; born < alive_.size(); ++born) take_leave({born, alive_[born]});
    all_leave_ = false;
  }
  grow_older();
  alive_.push_back(static_cast<uint32_t>(born_));
  live_ += born_;
  if (born_ > 0) add_age(stays_.present, bin_of(0), static_cast<uint32_t>(born_));
  born_ = 0;
  second_++;
}

}  // namespace coroscope::accuracy
