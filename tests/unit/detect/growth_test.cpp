// SPDX-License-Identifier: Apache-2.0
// Series that the growth detector has to catch, and healthy ones that it must not.
#include "detect/growth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <random>

#include "detect/findings.h"

namespace coroscope {
namespace {

// A population whose arrivals and lifetimes are given, looked at once a second.
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

  void add(double lifetime) { alive_.push_back({next_id_++, free_slot(), now_ + lifetime}); }

  void look() {
    std::erase_if(alive_, [this](const Coroutine& c) {
      if (c.until > now_) return false;
      free_.push_back(c.slot);
      return true;
    });
    Census census;
    census.slots = slots_ + 1;
    census.ended_ns = static_cast<uint64_t>((now_ + 1) * 1e9);
    for (const Coroutine& c : alive_) {
      Member member;
      member.id = c.id;
      member.slot = c.slot;
      member.spawn_stack = 1;
      member.parked_stack = place_ ? place_(c.id, static_cast<int>(now_)) : 10;
      member.reason = 2;
      member.activity = Activity::parked;
      census.members.push_back(member);
    }
    by_place.add(census);
    by_spawn.add(census);
    now_ += 1;
  }

  // Where a coroutine waits at a second; by default always at the same place.
  void wait_at(std::function<ParkedStack(uint64_t, int)> place) { place_ = std::move(place); }

  Growth verdict() const { return judge_growth(by_place.all().at(0)); }
  double uniform(double from, double to) {
    return std::uniform_real_distribution<double>(from, to)(random_);
  }

  Populations by_place{Grouping::by_place};
  Populations by_spawn{Grouping::by_spawn};

 private:
  struct Coroutine {
    uint64_t id;
    uint32_t slot;
    double until;
  };

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
  uint64_t next_id_ = 1;
  uint32_t slots_ = 0;
  double now_ = 0;
};

constexpr double forever = INFINITY;

class EverySeed : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, EverySeed, testing::Range(1u, 21u));

TEST_P(EverySeed, ALeakIsALeakAtAnyRate) {
  for (const double rate : {1000.0, 100.0, 10.0, 3.0}) {
    Simulation world(GetParam());
    world.run(
        30, [=](int) { return rate; }, [] { return forever; });
    const Growth growth = world.verdict();
    EXPECT_EQ(growth.verdict, Verdict::leak) << rate << "/s: " << verdict_name(growth.verdict);
    EXPECT_NEAR(growth.per_second, rate, 3 * std::sqrt(rate));
  }
}

TEST_P(EverySeed, ALeakThatSharesItsPlaceWithPassersByIsStillSeen) {
  Simulation world(GetParam());
  world.run(
      30, [](int) { return 200.0; },
      [&world] { return world.uniform(0, 1) < 0.1 ? forever : world.uniform(0, 2); });
  EXPECT_EQ(world.verdict().verdict, Verdict::leak);
}

TEST_P(EverySeed, ABusySteadyServerIsNoLeak) {
  Simulation world(GetParam());
  world.run(
      60, [](int) { return 500.0; }, [&world] { return world.uniform(0, 5); });
  EXPECT_NE(world.verdict().verdict, Verdict::leak);
}

TEST_P(EverySeed, AStartUpRampThatLevelsOffIsNoLeak) {
  for (const int ramp : {2, 5, 10, 20}) {
    Simulation world(GetParam());
    world.run(
        ramp + 15, [=](int second) { return second < ramp ? 100.0 : 0.0; }, [] { return forever; });
    EXPECT_NE(world.verdict().verdict, Verdict::leak) << ramp << " s";
  }
}

TEST_P(EverySeed, ACacheThatFillsUpIsNoLeak) {
  Simulation world(GetParam());
  world.run(
      60, [](int second) { return 200.0 * std::exp(-second / 8.0); }, [] { return forever; });
  EXPECT_NE(world.verdict().verdict, Verdict::leak);
}

TEST_P(EverySeed, ABacklogWhoseMembersTurnOverIsNoLeak) {
  Simulation world(GetParam());
  int second = 0;
  world.run(
      60,
      [&second](int now) {
        second = now;
        return 100.0;
      },
      [&] { return 4.0 + second * 0.3 + world.uniform(0, 1); });
  EXPECT_NE(world.verdict().verdict, Verdict::leak);
}

// Collects for a while, then all leave at once. The first rise can not be told
// from a leak; once a tooth was seen whole, no later one is taken for one.
TEST_P(EverySeed, ASawtoothIsNoLeakOnceAToothWasSeen) {
  constexpr int tooth = 15;
  Simulation world(GetParam());
  int now = 0;
  for (int batch = 0; batch < 6; ++batch) {
    for (int second = 0; second < tooth; ++second, ++now) {
      world.run(
          1, [](int) { return 30.0; }, [&] { return static_cast<double>(tooth - second); });
      if (batch > 0) {
        EXPECT_NE(world.verdict().verdict, Verdict::leak) << "second " << now;
      }
    }
  }
}

TEST_P(EverySeed, ALeakThatBeginsLateIsFoundSoon) {
  Simulation world(GetParam());
  for (int i = 0; i < 20; ++i) world.add(forever);
  world.run(
      60, [](int) { return 0.0; }, [] { return forever; });
  world.run(
      20, [](int) { return 10.0; }, [] { return forever; });
  const Growth growth = world.verdict();
  EXPECT_EQ(growth.verdict, Verdict::leak);
  EXPECT_NEAR(growth.per_second, 10, 4);
  EXPECT_LE(growth.judged_ns, 25'000'000'000u);
}

TEST_P(EverySeed, ALeakAfterADrainIsFound) {
  Simulation world(GetParam());
  for (int i = 0; i < 100; ++i) world.add(10);
  world.run(
      30, [](int) { return 0.0; }, [] { return forever; });
  world.run(
      60, [](int) { return 10.0; }, [] { return forever; });
  EXPECT_EQ(world.verdict().verdict, Verdict::leak);
}

TEST_P(EverySeed, ALeakAmongMembersThatTurnOverIsFound) {
  for (const double rate : {5.0, 20.0}) {
    Simulation world(GetParam());
    const double healthy = 100;
    world.run(
        60, [=](int) { return healthy + rate; },
        [&] {
          const bool leaks = world.uniform(0, healthy + rate) < rate;
          return leaks ? forever : world.uniform(5, 7);
        });
    const Growth growth = world.verdict();
    EXPECT_EQ(growth.verdict, Verdict::leak) << rate;
    EXPECT_NEAR(growth.per_second, rate, 0.3 * rate) << rate;
    EXPECT_GT(growth.stayed_censuses, settled_censuses[0]);
  }
}

TEST_P(EverySeed, ATideIsNoLeak) {
  Simulation world(GetParam());
  world.run(
      300, [](int second) { return 50.0 * (1.0 + std::sin(second / 20.0)); },
      [&world] { return world.uniform(2, 8); });
  EXPECT_NE(world.verdict().verdict, Verdict::leak);
}

TEST(Growth, AFixedPoolIsSteady) {
  Simulation world;
  for (int i = 0; i < 1000; ++i) world.add(forever);
  for (int i = 0; i < 30; ++i) world.look();
  EXPECT_EQ(world.verdict().verdict, Verdict::steady);
}

TEST(Growth, TooShortALookSaysSo) {
  Simulation world;
  world.run(
      4, [](int) { return 100.0; }, [] { return forever; });
  EXPECT_EQ(world.verdict().verdict, Verdict::warming_up);
}

TEST(Growth, NoSamplesIsSteady) {
  EXPECT_EQ(judge_growth(Population{}).verdict, Verdict::steady);
}

TEST(Findings, ALeakIsToldOnce) {
  Simulation world;
  world.run(
      30, [](int) { return 20.0; }, [] { return forever; });
  const auto findings = judge_all(world.by_place, world.by_spawn);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].population->grouping, Grouping::by_place);
}

TEST(Findings, ALeakWhoseMembersWaitNowHereNowThereIsFoundByBirth) {
  Simulation world;
  world.wait_at([](uint64_t id, int second) {
    return static_cast<ParkedStack>(10 + (id * 7919 + static_cast<uint64_t>(second) * 104729) % 5);
  });
  world.run(
      40, [](int) { return 20.0; }, [] { return forever; });
  const auto findings = judge_all(world.by_place, world.by_spawn);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].growth.verdict, Verdict::leak);
  EXPECT_EQ(findings[0].population->grouping, Grouping::by_spawn);
}

}  // namespace
}  // namespace coroscope
