// SPDX-License-Identifier: Apache-2.0
#include "model/populations.h"

#include <gtest/gtest.h>

#include "times.h"

namespace coroscope {
namespace {

Member waiting(uint64_t id, uint32_t slot, SpawnStack spawn = 1, ParkedStack place = 10) {
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
  Member other_reason = waiting(4, 3);
  other_reason.reason = 9;
  populations.add(census_of(
      {waiting(1, 0), waiting(2, 1), waiting(3, 2, 1, 11), other_reason, waiting(5, 4, 2)}));
  ASSERT_EQ(populations.all().size(), 4u);
  EXPECT_EQ(populations.all()[0].live, 2u);
  EXPECT_EQ(populations.all()[0].example_id, 1u);
  EXPECT_EQ(populations.all()[0].oldest_since_ns, 1001u);
}

TEST(Populations, WhoIsInABlockingCallIsGroupedByItsPlaceToo) {
  Populations populations(Grouping::by_place);
  Member here = waiting(1, 0);
  Member there = waiting(2, 1, 1, 11);
  here.activity = there.activity = Activity::syscall;
  there.reason = 9;  // of its last wait
  populations.add(census_of({here, there, waiting(3, 2)}));
  ASSERT_EQ(populations.all().size(), 3u);
  EXPECT_EQ(populations.all()[1].key.parked_stack, 11u);
  EXPECT_EQ(populations.all()[1].key.reason, 0u);
}

TEST(Populations, ItsMembersAreFound) {
  Populations populations(Grouping::by_place);
  std::vector<Member> members;
  for (uint32_t slot = 0; slot < 60; ++slot) {
    members.push_back(waiting(slot + 1, slot, 1, slot % 2 == 0 ? 10 : 11));
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
  populations.add(census_of({waiting(1, 0), waiting(2, 1)}));
  populations.add(census_of({waiting(1, 0), waiting(3, 1)}));  // 2 left, 3 took its slot
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
    by_place.add(census_of({waiting(1, 0, 1, place)}));
    by_spawn.add(census_of({waiting(1, 0, 1, place)}));
  }
  ASSERT_EQ(by_place.all().size(), 2u);
  EXPECT_EQ(by_place.all()[0].left, 1u);
  EXPECT_EQ(by_place.all()[1].left, 1u);
  ASSERT_EQ(by_spawn.all().size(), 1u);
  EXPECT_EQ(by_spawn.all()[0].left, 0u);
}

using testing::second;

uint32_t members_in(const AgeBins& bins, uint64_t age_ns) {
  return age_count(bins, age_bin(age_ns));
}

TEST(Populations, StaysAreToldByHowLongTheyLasted) {
  Populations populations(Grouping::by_place);
  Member old = waiting(1, 0);
  old.since_ns = 90 * second;
  Member young = waiting(2, 1);
  young.since_ns = 99 * second;
  populations.add(census_of({old, young}, 100 * second));
  const Stays& stays = populations.all()[0].stays;
  EXPECT_TRUE(stays.before.empty());
  EXPECT_EQ(members_in(stays.present, 10 * second), 1u);
  EXPECT_EQ(members_in(stays.present, second), 1u);

  populations.add(census_of({young}, 110 * second));
  EXPECT_EQ(members_in(stays.before, 10 * second), 1u);
  EXPECT_EQ(members_in(stays.left, 10 * second), 1u) << "as old as it was when last seen";
  EXPECT_EQ(members_in(stays.left, second), 0u);
  EXPECT_EQ(members_in(stays.present, 11 * second), 1u);
  EXPECT_EQ(stays.came(), 0u);
}

TEST(Populations, AStayGoesOnAsLongAsTheMemberIsSeenThere) {
  Populations by_place(Grouping::by_place);
  Populations by_spawn(Grouping::by_spawn);
  Member member = waiting(1, 0);
  member.spawned_ns = 50 * second;
  member.since_ns = 99 * second;
  for (uint64_t now = 100; now <= 110; now += 10) {
    by_place.add(census_of({member}, now * second));
    by_spawn.add(census_of({member}, now * second));
    member.since_ns = (now + 9) * second;  // it waits anew at the same place
  }
  EXPECT_EQ(members_in(by_place.all()[0].stays.present, 11 * second), 1u);
  EXPECT_EQ(members_in(by_spawn.all()[0].stays.present, 60 * second), 1u);
}

TEST(Populations, ATimeOfTheFutureIsNoAge) {
  Populations populations(Grouping::by_spawn);
  Member member = waiting(1, 0);
  member.spawned_ns = UINT64_MAX;
  populations.add(census_of({member}, second));
  EXPECT_EQ(populations.all()[0].stays.present, AgeBins{1});
}

TEST(Populations, ThoseBornHereAndThereMayBeOneGroup) {
  Populations populations(Grouping::by_parked);
  populations.add(census_of({waiting(1, 0, 1, 10), waiting(2, 1, 2, 10), waiting(3, 2, 1, 11)}));
  ASSERT_EQ(populations.all().size(), 2u);
  EXPECT_EQ(populations.all()[0].live, 2u);
  EXPECT_EQ(populations.all()[0].key.spawn_stack, 0u);
}

TEST(AgeBins, AreAQuarterOfADoublingWide) {
  uint64_t before = 0;
  for (size_t bin = 1; bin + 1 < max_age_bins; ++bin) {
    const uint64_t floor = age_bin_floor_ns(bin);
    EXPECT_GT(floor, before);
    if (bin > 4) {
      EXPECT_LE(static_cast<double>(floor), 1.25 * static_cast<double>(before));
    }
    EXPECT_EQ(age_bin(floor), bin);
    EXPECT_EQ(age_bin(floor - 1), bin - 1);
    before = floor;
  }
  EXPECT_EQ(age_bin(UINT64_MAX), max_age_bins - 1);
  EXPECT_EQ(age_bin_floor_ns(max_age_bins), UINT64_MAX);
}

TEST(Populations, TheRuntimesOwnCoroutinesAreLeftOut) {
  Populations populations(Grouping::by_place);
  Member own = waiting(1, 0);
  own.system = true;
  populations.add(census_of({own}));
  EXPECT_TRUE(populations.all().empty());
}

TEST(Populations, ASlotBeyondTheTableIsIgnored) {
  Populations populations(Grouping::by_place);
  populations.add(census_of({waiting(1, 4000)}));
  EXPECT_TRUE(populations.all().empty());
}

}  // namespace
}  // namespace coroscope
