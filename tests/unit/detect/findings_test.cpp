// SPDX-License-Identifier: Apache-2.0
// Each leak is told once, and where it is.
#include "detect/findings.h"

#include <gtest/gtest.h>

#include "simulation.h"

namespace coroscope {
namespace {

using namespace testing;

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
  EXPECT_TRUE(findings[0].several_births);
  EXPECT_EQ(findings[0].parked_stacks.size(), 1u);
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

// Of whose members every tenth is of the leaking label.
TEST(Findings, ALeakOfOneLabelIsToldOfThatLabel) {
  Simulation world;
  world.label_by([](uint64_t id) { return first_label + (id % 10 == 0 ? 0 : 1); });
  uint64_t born = 0;
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 200; ++i) {
      const bool leaks = ++born % 10 == 0;
      world.add(leaks ? forever : world.uniform(0, 3));
    }
    world.look();
  }
  const auto findings = find_all(world.tracking, short_patience);
  ASSERT_FALSE(findings.empty());
  EXPECT_EQ(findings[0].judgement.verdict, Verdict::leak);
  EXPECT_EQ(findings[0].population->grouping, Grouping::by_place);
  EXPECT_EQ(findings[0].population->key.label, first_label);
  for (size_t i = 1; i < findings.size(); ++i) {
    EXPECT_FALSE(is_fault(findings[i].judgement.verdict)) << "told of the other label, too";
  }
}

TEST(Findings, ALeakOfSeveralLabelsIsOne) {
  Simulation world;
  world.label_by([](uint64_t id) { return static_cast<LabelValue>(first_label + id % 5); });
  world.run(
      40, [](int) { return 80.0; }, [] { return forever; });
  const auto findings = find_all(world.tracking, short_patience);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].population->grouping, Grouping::by_place);
  EXPECT_TRUE(findings[0].several_labels);
  EXPECT_EQ(findings[0].parked_stacks.size(), 1u);
  EXPECT_FALSE(findings[0].several_births);
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
