// SPDX-License-Identifier: Apache-2.0
// A population whose arrivals and lifetimes are given, for the tests of verdicts.
#pragma once

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "detect/tracking.h"

namespace coroscope::testing {

inline constexpr uint64_t second_ns = 1'000'000'000;
inline constexpr uint64_t short_patience = 5 * second_ns;

// Looked at once a second.
class Simulation {
 public:
  explicit Simulation(uint32_t seed = 1) : random_(seed) {}

  // `arrivals` at second t; each lives for `lifetime()` seconds (infinity: leaks).
  void run(int seconds, const std::function<double(int)>& arrivals,
           const std::function<double()>& lifetime) {
    for (int second = 0; second < seconds; ++second) {
      const auto born = std::poisson_distribution<int>(arrivals(second))(random_);
      for (int i = 0; i < born; ++i) add(lifetime());
      look();
    }
  }

  void add(double lifetime) {
    alive_.push_back({next_id_++, free_slot(), now_ + lifetime,
                      time_ns() + static_cast<uint64_t>(uniform(0, 1e9))});
  }

  void look() {
    std::erase_if(alive_, [this](const Coroutine& c) {
      if (c.until > now_) return false;
      free_.push_back(c.slot);
      return true;
    });
    Census census;
    census.slots = slots_ + 1;
    census.ended_ns = time_ns() + second_ns;
    for (const Coroutine& c : alive_) {
      Member member;
      member.id = c.id;
      member.slot = c.slot;
      member.spawn_stack = spawn_ ? spawn_(c.id) : 1;
      member.parked_stack = place_ ? place_(c.id, static_cast<int>(now_)) : 10;
      member.reason = 2;
      member.activity = Activity::parked;
      member.since_ns = member.spawned_ns = c.born_ns;
      census.members.push_back(member);
      if (label_) census.labels.push_back(label_(c.id));
    }
    tracking.add(census, process_ns_);
    now_ += 1;
  }

  // Where a coroutine waits at a second; by default always at the same place.
  void wait_at(std::function<ParkedStack(uint64_t, int)> place) { place_ = std::move(place); }

  void born_at(std::function<SpawnStack(uint64_t)> spawn) { spawn_ = std::move(spawn); }

  void label_by(std::function<LabelValue(uint64_t)> label) { label_ = std::move(label); }

  Judgement judge(uint64_t patience_ns = short_patience) const {
    return tracking.judge(tracking.by(Grouping::by_place).all().at(0), patience_ns);
  }
  Verdict verdict(uint64_t patience_ns = short_patience) const {
    return judge(patience_ns).verdict;
  }
  double uniform(double from, double to) {
    return std::uniform_real_distribution<double>(from, to)(random_);
  }

  Tracking tracking;

 private:
  struct Coroutine {
    uint64_t id;
    uint32_t slot;
    double until;
    uint64_t born_ns;
  };

  // The process began at second 1 of the clock: 0 would be "not known".
  uint64_t time_ns() const { return process_ns_ + static_cast<uint64_t>(now_ * 1e9); }

  uint32_t free_slot() {
    if (free_.empty()) return slots_++;
    const uint32_t slot = free_.front();
    free_.pop_front();
    return slot;
  }

  std::mt19937 random_;
  std::vector<Coroutine> alive_;
  std::deque<uint32_t> free_;
  std::function<ParkedStack(uint64_t, int)> place_;
  std::function<SpawnStack(uint64_t)> spawn_;
  std::function<LabelValue(uint64_t)> label_;
  uint64_t process_ns_ = second_ns;
  uint64_t next_id_ = 1;
  uint32_t slots_ = 0;
  double now_ = 0;
};

inline constexpr double forever = INFINITY;

}  // namespace coroscope::testing
