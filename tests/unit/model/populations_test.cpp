// SPDX-License-Identifier: Apache-2.0
#include "model/populations.h"

#include <gtest/gtest.h>

namespace coroscope {
namespace {

Member parked(uint64_t id, uint32_t slot, SpawnStack spawn = 1, ParkedStack place = 10) {
  Member m;
  m.id = id;
  m.slot = slot;
  m.spawn_stack = spawn;
  m.parked_stack = place;
  m.reason = 2;
  m.activity = Activity::parked;
  m.since_ns = 1000 + id;
  m.spawned_ns = 500 + id;
  return m;
}

Census census_of(std::vector<Member> members, uint64_t time_ns = 1) {
  Census census;
  census.slots = 64;
  census.ended_ns = time_ns;
  census.members = std::move(members);
  return census;
}

TEST(Populations, GroupsByWhereBornWhereWaitingAndWhy) {
  Populations populations(Grouping::by_place);
  Member other_reason = parked(4, 3);
  other_reason.reason = 9;
  populations.add(
      census_of({parked(1, 0), parked(2, 1), parked(3, 2, 1, 11), other_reason, parked(5, 4, 2)}));
  ASSERT_EQ(populations.all().size(), 4u);
  EXPECT_EQ(populations.all()[0].live, 2u);
  EXPECT_EQ(populations.all()[0].example_id, 1u);
  EXPECT_EQ(populations.all()[0].oldest_since_ns, 1001u);
}

TEST(Populations, WhoIsInABlockingCallIsGroupedByItsPlaceToo) {
  Populations populations(Grouping::by_place);
  Member here = parked(1, 0);
  Member there = parked(2, 1, 1, 11);
  here.activity = there.activity = Activity::syscall;
  there.reason = 9;  // of its last wait
  populations.add(census_of({here, there, parked(3, 2)}));
  ASSERT_EQ(populations.all().size(), 3u);
  EXPECT_EQ(populations.all()[1].key.parked_stack, 11u);
  EXPECT_EQ(populations.all()[1].key.reason, 0u);
}

TEST(Populations, ItsMembersAreFound) {
  Populations populations(Grouping::by_place);
  std::vector<Member> members;
  for (uint32_t slot = 0; slot < 60; ++slot) {
    members.push_back(parked(slot + 1, slot, 1, slot % 2 == 0 ? 10 : 11));
  }
  populations.add(census_of(members));
  members.erase(members.begin());
  populations.add(census_of(members));
  const Population& even = populations.all()[0];
  EXPECT_EQ(even.example_slot, 2u);
  const auto all = populations.members(even, 100);
  ASSERT_EQ(all.size(), 29u);
  EXPECT_EQ(all[0].id, 3u);
  EXPECT_EQ(all[0].slot, 2u);
  const auto some = populations.members(even, 4);
  ASSERT_EQ(some.size(), 4u);
  EXPECT_GT(some[3].slot, 40u) << "from all over the table";
}

TEST(Populations, FollowsMembersByIdentity) {
  Populations populations(Grouping::by_place);
  populations.add(census_of({parked(1, 0), parked(2, 1)}));
  populations.add(census_of({parked(1, 0), parked(3, 1)}));  // 2 left, 3 took its slot
  const Population& group = populations.all()[0];
  EXPECT_EQ(group.live, 2u);
  EXPECT_EQ(group.joined, 3u);
  EXPECT_EQ(group.left, 1u);
  populations.add(census_of({}));
  EXPECT_EQ(populations.all()[0].live, 0u);
  EXPECT_EQ(populations.all()[0].left, 3u);
}

TEST(Populations, WhoMovesToAnotherPlaceLeavesThisOne) {
  Populations by_place(Grouping::by_place);
  Populations by_spawn(Grouping::by_spawn);
  for (const ParkedStack place : {10u, 11u, 10u}) {
    by_place.add(census_of({parked(1, 0, 1, place)}));
    by_spawn.add(census_of({parked(1, 0, 1, place)}));
  }
  ASSERT_EQ(by_place.all().size(), 2u);
  EXPECT_EQ(by_place.all()[0].left, 1u);
  EXPECT_EQ(by_place.all()[1].left, 1u);
  ASSERT_EQ(by_spawn.all().size(), 1u);
  EXPECT_EQ(by_spawn.all()[0].left, 0u);
}

TEST(Populations, SettledMembersAreThoseSeenThreeTimesInARow) {
  Populations populations(Grouping::by_place);
  for (uint64_t tick = 0; tick < 3; ++tick) {
    populations.add(census_of({parked(1, 0), parked(100 + tick, 1)}, tick));
  }
  const Population& group = populations.all()[0];
  EXPECT_EQ(group.settled[0].ever, 1u);
  EXPECT_EQ(group.samples.back().settled[0].now, 1u);
  EXPECT_EQ(group.samples.back().live, 2u);
  populations.add(census_of({}));
  EXPECT_EQ(populations.all()[0].settled[0].left, 1u);
}

TEST(Populations, LevelsOfSettlingAreReachedInTurn) {
  Populations populations(Grouping::by_place);
  for (uint64_t tick = 1; tick <= settled_censuses[1]; ++tick) {
    populations.add(census_of({parked(1, 0)}, tick));
  }
  const auto& settled = populations.all()[0].settled;
  EXPECT_EQ(settled[0].now, 1u);
  EXPECT_EQ(settled[1].now, 1u);
  EXPECT_EQ(settled[2].now, 0u);
  populations.add(census_of({}, 100));
  for (const size_t level : {0, 1}) {
    EXPECT_EQ(populations.all()[0].settled[level].now, 0u);
    EXPECT_EQ(populations.all()[0].settled[level].left, 1u);
  }
  EXPECT_EQ(populations.all()[0].settled[2].left, 0u);
}

TEST(Populations, AnEmptyGroupDoesNotGrowItsHistory) {
  Populations populations(Grouping::by_place);
  populations.add(census_of({parked(1, 0)}, 1));
  for (uint64_t tick = 2; tick < 100; ++tick) populations.add(census_of({}, tick));
  EXPECT_EQ(populations.all()[0].samples.size(), 3u);
  EXPECT_EQ(populations.all()[0].samples.back().time_ns, 99u);
}

TEST(Populations, TheRuntimesOwnCoroutinesAreLeftOut) {
  Populations populations(Grouping::by_place);
  Member own = parked(1, 0);
  own.system = true;
  populations.add(census_of({own}));
  EXPECT_TRUE(populations.all().empty());
}

TEST(Populations, ASlotBeyondTheTableIsIgnored) {
  Populations populations(Grouping::by_place);
  populations.add(census_of({parked(1, 4000)}));
  EXPECT_TRUE(populations.all().empty());
}

TEST(Populations, ALongHistoryIsThinnedAndKeepsBothEnds) {
  Populations populations(Grouping::by_place);
  const uint64_t ticks = 10 * Populations::max_samples;
  for (uint64_t tick = 1; tick <= ticks; ++tick) populations.add(census_of({parked(1, 0)}, tick));
  const auto& samples = populations.all()[0].samples;
  EXPECT_LE(samples.size(), Populations::max_samples);
  EXPECT_GE(samples.size(), Populations::max_samples / 2);
  EXPECT_EQ(samples.front().time_ns, 1u);
  EXPECT_EQ(samples.back().time_ns, ticks);
  EXPECT_TRUE(std::is_sorted(samples.begin(), samples.end(),
                             [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; }));
}

}  // namespace
}  // namespace coroscope
