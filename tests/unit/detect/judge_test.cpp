// SPDX-License-Identifier: Apache-2.0
// Series that the verdicts have to catch, and healthy ones that they must not.
#include "detect/judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <random>

#include "detect/findings.h"

namespace coroscope {
namespace {

constexpr uint64_t second_ns = 1'000'000'000;
constexpr uint64_t short_patience = 5 * second_ns;

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
    }
    tracking.add(census, process_ns_);
    now_ += 1;
  }

  // Where a coroutine waits at a second; by default always at the same place.
  void wait_at(std::function<ParkedStack(uint64_t, int)> place) { place_ = std::move(place); }

  void born_at(std::function<SpawnStack(uint64_t)> spawn) { spawn_ = std::move(spawn); }

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
  uint64_t process_ns_ = second_ns;
  uint64_t next_id_ = 1;
  uint32_t slots_ = 0;
  double now_ = 0;
};

constexpr double forever = INFINITY;

class EverySeed : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, EverySeed, testing::Range(1u, 21u));

TEST_P(EverySeed, ALeakIsALeakAtAnyRate) {
  for (const double rate : {1000.0, 100.0, 10.0, 4.0}) {
    Simulation world(GetParam());
    world.run(
        60, [=](int) { return rate; }, [] { return forever; });
    const Judgement judgement = world.judge();
    EXPECT_EQ(judgement.verdict, Verdict::leak) << rate << "/s: " << summary(judgement);
    EXPECT_EQ(judgement.ground, Ground::patience);
    EXPECT_NEAR(judgement.per_second, rate, 3 * std::sqrt(rate));
    EXPECT_EQ(world.verdict(default_patience_ns), Verdict::warming_up);
    EXPECT_TRUE(may_become_fault(world.judge(default_patience_ns)));
  }
}

// Members leave within two seconds, and after a while some do not any more.
TEST_P(EverySeed, WhoOutlivesWhatTheGroupHasShownIsALeakAtOnce) {
  Simulation world(GetParam());
  const auto short_lived = [&world] { return world.uniform(0, 2); };
  world.run(
      60, [](int) { return 200.0; }, short_lived);
  EXPECT_FALSE(is_fault(world.verdict(default_patience_ns)));
  world.run(
      15, [](int) { return 200.0; },
      [&] { return world.uniform(0, 1) < 0.1 ? forever : short_lived(); });
  const Judgement judgement = world.judge(default_patience_ns);
  EXPECT_EQ(judgement.verdict, Verdict::leak) << summary(judgement);
  EXPECT_EQ(judgement.ground, Ground::outlived);
  EXPECT_NEAR(judgement.per_second, 20, 10);
  EXPECT_LT(judgement.stayed, 320u) << "only who has stayed for longer than the others do";
}

TEST_P(EverySeed, ABusySteadyServerIsNoLeak) {
  Simulation world(GetParam());
  world.run(
      60, [](int) { return 500.0; }, [&world] { return world.uniform(0, 5); });
  EXPECT_FALSE(is_fault(world.verdict()));
}

TEST_P(EverySeed, AStartUpRampThatLevelsOffIsAPlateau) {
  for (const int ramp : {2, 5, 10, 20}) {
    Simulation world(GetParam());
    world.run(
        ramp + 15, [=](int second) { return second < ramp ? 100.0 : 0.0; }, [] { return forever; });
    EXPECT_EQ(world.verdict(), Verdict::plateau) << ramp << " s";
  }
}

TEST_P(EverySeed, ACacheThatFillsUpIsNoLeak) {
  Simulation world(GetParam());
  world.run(
      60, [](int second) { return 200.0 * std::exp(-second / 8.0); }, [] { return forever; });
  EXPECT_NE(world.verdict(), Verdict::leak);
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
  EXPECT_EQ(world.verdict(), Verdict::backlog);
}

// Collects for a while, then all leave at once. The first rise can not be told from a leak
// by those who have no patience; once a tooth was seen whole, no later one is taken for one.
TEST_P(EverySeed, ASawtoothIsNoLeakOnceAToothWasSeen) {
  constexpr int tooth = 15;
  Simulation world(GetParam());
  int now = 0;
  for (int batch = 0; batch < 6; ++batch) {
    for (int second = 0; second < tooth; ++second, ++now) {
      world.run(
          1, [](int) { return 30.0; }, [&] { return static_cast<double>(tooth - second); });
      if (batch > 0) {
        EXPECT_NE(world.verdict(), Verdict::leak) << "second " << now;
      }
      EXPECT_NE(world.verdict(default_patience_ns), Verdict::leak) << "second " << now;
    }
  }
}

TEST_P(EverySeed, ALeakThatBeginsLateIsFoundSoon) {
  Simulation world(GetParam());
  for (int i = 0; i < 20; ++i) world.add(forever);
  world.run(
      60, [](int) { return 0.0; }, [] { return forever; });
  world.run(
      25, [](int) { return 10.0; }, [] { return forever; });
  const Judgement judgement = world.judge();
  EXPECT_EQ(judgement.verdict, Verdict::leak);
  EXPECT_NEAR(judgement.per_second, 10, 4);
}

TEST_P(EverySeed, ALeakAfterADrainIsFound) {
  Simulation world(GetParam());
  for (int i = 0; i < 100; ++i) world.add(10);
  world.run(
      30, [](int) { return 0.0; }, [] { return forever; });
  world.run(
      60, [](int) { return 10.0; }, [] { return forever; });
  EXPECT_EQ(world.verdict(), Verdict::leak);
}

TEST_P(EverySeed, ATideIsNoLeak) {
  Simulation world(GetParam());
  world.run(
      300, [](int second) { return 50.0 * (1.0 + std::sin(second / 20.0)); },
      [&world] { return world.uniform(2, 8); });
  EXPECT_NE(world.verdict(), Verdict::leak);
}

TEST(Judge, AFixedPoolIsSteady) {
  Simulation world;
  for (int i = 0; i < 1000; ++i) world.add(forever);
  for (int i = 0; i < 30; ++i) world.look();
  EXPECT_EQ(world.verdict(), Verdict::steady);
}

TEST(Judge, GrowthForAShortTimeIsWarmingUp) {
  Simulation world;
  world.run(
      4, [](int) { return 100.0; }, [] { return forever; });
  EXPECT_EQ(world.verdict(), Verdict::warming_up);
}

// A leak that is over is one no more, though nobody has left.
TEST(Judge, ALeakThatHasStoppedIsAPlateau) {
  Simulation world;
  world.run(
      30, [](int) { return 20.0; }, [] { return forever; });
  EXPECT_EQ(world.verdict(), Verdict::leak);
  world.run(
      10, [](int) { return 0.0; }, [] { return forever; });
  EXPECT_EQ(world.verdict(), Verdict::plateau);
}

TEST(Judge, AGroupOfFewIsNotFollowed) {
  Simulation world;
  world.add(forever);
  for (int i = 0; i < 10; ++i) world.look();
  EXPECT_EQ(world.verdict(), Verdict::steady);
  EXPECT_EQ(world.judge().last_live, 1u);
}

TEST(Judge, TheFewerFalseAlarmsAreAllowedTheMoreIsAsked) {
  const double often = nats_needed(1, 86'400, 1000);
  const double seldom = nats_needed(0.001, 86'400, 1000);
  EXPECT_NEAR(seldom - often, std::log(1000), 1e-9);
  EXPECT_NEAR(often, std::log(86'400e3), 1e-9);
}

TEST(Findings, ALeakIsToldOnce) {
  Simulation world;
  world.run(
      30, [](int) { return 20.0; }, [] { return forever; });
  const auto findings = find_all(world.tracking, short_patience);
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
  const auto findings = find_all(world.tracking, short_patience);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].judgement.verdict, Verdict::leak);
  EXPECT_EQ(findings[0].population->grouping, Grouping::by_spawn);
}

TEST(Findings, ALeakThatWaitsInSeveralPlacesIsOne) {
  Simulation world;
  world.wait_at([](uint64_t id, int) { return static_cast<ParkedStack>(10 + id % 4); });
  world.run(
      40, [](int) { return 80.0; }, [] { return forever; });
  const auto findings = find_all(world.tracking, short_patience);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].population->grouping, Grouping::by_spawn);
  ASSERT_NE(findings[0].main_place, nullptr);
  EXPECT_EQ(findings[0].main_place->grouping, Grouping::by_place);
}

TEST(Findings, ALeakThatIsBornInSeveralPlacesIsOne) {
  Simulation world;
  world.born_at([](uint64_t id) { return static_cast<SpawnStack>(1 + id % 4); });
  world.run(
      40, [](int) { return 80.0; }, [] { return forever; });
  const auto findings = find_all(world.tracking, short_patience);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].population->grouping, Grouping::by_parked);
}

// Beside many that come and go, at a place of their own.
TEST(Findings, TheMainPlaceIsWhereThoseAreWhoStay) {
  Simulation world;
  world.wait_at(
      [](uint64_t id, int) { return static_cast<ParkedStack>(id % 20 < 3 ? 11 + id % 20 : 10); });
  int now = 0;
  uint64_t born = 0;
  for (; now < 90; ++now) {
    world.run(
        1, [](int) { return 0.0; }, [] { return forever; });
    for (int i = 0; i < 100; ++i) {
      const uint64_t id = ++born;
      world.add(now > 60 && id % 20 < 3 ? forever : world.uniform(0, 3));
    }
  }
  const auto findings = find_all(world.tracking, default_patience_ns);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].judgement.verdict, Verdict::leak);
  ASSERT_NE(findings[0].main_place, nullptr);
  EXPECT_NE(findings[0].main_place->key.parked_stack, 10u);
}

// Where nobody can end the waits of those who are there, a growth need not be long.
TEST(Findings, WhatNobodyCanReachIsALeakAsSoonAsItGrows) {
  Simulation world;
  world.run(
      10, [](int) { return 20.0; }, [] { return forever; });
  const PopulationKey key = world.tracking.by(Grouping::by_place).all().at(0).key;
  const auto before = find_all(world.tracking, default_patience_ns);
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].judgement.verdict, Verdict::warming_up);
  const auto findings =
      find_all(world.tracking, default_patience_ns, false, {{key, Verdict::leak}});
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].judgement.verdict, Verdict::leak);
  EXPECT_EQ(findings[0].judgement.ground, Ground::unreachable);

  Simulation steady;
  for (int i = 0; i < 50; ++i) steady.add(forever);
  for (int i = 0; i < 10; ++i) steady.look();
  const PopulationKey other = steady.tracking.by(Grouping::by_place).all().at(0).key;
  EXPECT_TRUE(
      find_all(steady.tracking, default_patience_ns, false, {{other, Verdict::leak}}).empty())
      << "what does not grow is none";
}

TEST(Findings, SteadyOnesAreToldIfAskedFor) {
  Simulation world;
  for (int i = 0; i < 100; ++i) world.add(forever);
  for (int i = 0; i < 10; ++i) world.look();
  EXPECT_TRUE(find_all(world.tracking, short_patience).empty());
  const auto findings = find_all(world.tracking, short_patience, true);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].judgement.verdict, Verdict::steady);
}

}  // namespace
}  // namespace coroscope
