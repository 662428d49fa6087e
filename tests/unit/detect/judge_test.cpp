// SPDX-License-Identifier: Apache-2.0
// Series that the verdicts have to catch, and healthy ones that they must not.
#include "detect/judge.h"

#include <gtest/gtest.h>

#include <cmath>

#include "simulation.h"

namespace coroscope {
namespace {

using namespace testing;

class EverySeed : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, EverySeed, ::testing::Range(1u, 11u));

TEST_P(EverySeed, ALeakIsALeakAtAnyRate) {
  for (const double rate : {1000.0, 100.0, 10.0, 4.0}) {
    Simulation world(GetParam());
    world.run(
        rate > 100 ? 12 : 60, [=](int) { return rate; }, [] { return forever; });
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

}  // namespace
}  // namespace coroscope
