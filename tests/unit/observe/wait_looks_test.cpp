// SPDX-License-Identifier: Apache-2.0
#include "observe/wait_looks.h"

#include <gtest/gtest.h>

#include <set>

#include "fake_target.h"

namespace coroscope {
namespace {

constexpr uint64_t looked_ns = 10'000'000'000;

Member parked(uint64_t id, uint64_t object) {
  Member member;
  member.id = id;
  member.object = object;
  member.since_ns = 1;
  member.activity = Activity::parked;
  return member;
}

Census census_of(std::vector<Member> members) {
  Census census;
  census.ended_ns = looked_ns;
  census.members = std::move(members);
  return census;
}

std::set<uint64_t> ids_of(const WaitLook& look) {
  std::set<uint64_t> ids;
  for (const LookedAt& seen : look.members) ids.insert(seen.member.id);
  return ids;
}

TEST(WaitLooks, AreAtSomeOfEachPopulationAndTheSameEachTime) {
  FakeTarget target;
  std::vector<Member> members;
  for (uint64_t id = 1; id <= 1000; ++id) members.push_back(parked(id, 0));
  for (uint64_t id = 2001; id <= 2003; ++id) members.push_back(parked(id, 0));
  for (size_t i = 1000; i < members.size(); ++i) members[i].spawn_stack = 1;
  members.push_back(parked(3000, 0));
  members.back().system = true;
  members.push_back(parked(3001, 0));
  members.back().activity = Activity::running;
  const WaitLook look = look_at_waits(target, census_of(members));
  EXPECT_EQ(look.members.size(), most_of_a_place + 3);
  EXPECT_EQ(look.time_ns, looked_ns);
  std::reverse(members.begin(), members.end());
  EXPECT_EQ(ids_of(look_at_waits(target, census_of(members))), ids_of(look));
}

TEST(WaitLooks, AreBoundedHoweverManyPopulationsThereAre) {
  FakeTarget target;
  std::vector<Member> members;
  for (uint64_t id = 1; id <= 3 * most_looked_at; ++id) {
    members.push_back(parked(id, 0));
    members.back().spawn_stack = static_cast<SpawnStack>(id / 2);
  }
  EXPECT_EQ(look_at_waits(target, census_of(members)).members.size(), most_looked_at);
}

TEST(WaitLooks, FollowWhoIsWaitedFor) {
  FakeTarget target;
  std::vector<Member> members;
  // So many wait that those further on are not among the sample.
  for (uint64_t id = 1; id <= 1000; ++id) members.push_back(parked(id, 16));
  for (uint64_t id = 1001; id <= 2000; ++id) members.push_back(parked(id, 32));
  members.push_back(parked(3000, 48));
  members.back().system = true;
  target.objects[16] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 1500};
  target.objects[32] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 3000};
  target.objects[48] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 4000};
  const WaitLook look = look_at_waits(target, census_of(members));
  const std::set<uint64_t> ids = ids_of(look);
  EXPECT_TRUE(ids.contains(1500));
  EXPECT_TRUE(ids.contains(3000));
  EXPECT_EQ(look.ended, (std::unordered_set<uint64_t>{4000}));
  EXPECT_LE(look.members.size(), most_of_a_place + 2);
}

TEST(WaitLooks, WhoWasNotFoundHasEndedOnlyIfNothingWasLost) {
  FakeTarget target;
  target.objects[16] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 7};
  Census census = census_of({parked(1, 16)});
  census.members[0].parent_id = 8;
  EXPECT_EQ(look_at_waits(target, census).ended, (std::unordered_set<uint64_t>{7, 8}));
  census.losses.torn = 1;
  EXPECT_TRUE(look_at_waits(target, census).ended.empty());
}

// A parent is only looked for; who is waited for as well is looked at.
TEST(WaitLooks, AParentThatIsWaitedForIsLookedAt) {
  FakeTarget target;
  target.objects[16] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 5000};
  target.objects[32] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 6000};
  std::vector<Member> members{parked(1, 16), parked(5000, 32), parked(6000, 0)};
  members[0].parent_id = 6000;
  for (size_t i = 1; i < 3; ++i) members[i].system = true;
  EXPECT_EQ(ids_of(look_at_waits(target, census_of(members))), (std::set<uint64_t>{1, 5000, 6000}));
}

// Of one that waits on a wait group, those it has spawned are looked for, also beyond the sample.
TEST(WaitLooks, WhomAWaiterOnAGroupHasSpawnedIsFound) {
  FakeTarget target;
  target.objects[16] = {.kind = WaitObject::Kind::wait_group, .length = 2};
  target.objects[32] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 9};
  std::vector<Member> members{parked(1, 16)};
  for (uint64_t id = 10; id < 1000; ++id) members.push_back(parked(id, 0));
  members.push_back(parked(5000, 32));
  members.push_back(parked(5001, 0));
  for (Member& member : members) member.parent_id = member.id >= 5000 ? 1 : 8;
  for (size_t i = members.size() - 2; i < members.size(); ++i) members[i].system = true;
  members[0].spawn_stack = 1;  // a population of its own
  const WaitLook look = look_at_waits(target, census_of(members));
  const auto waiter = std::find_if(look.members.begin(), look.members.end(),
                                   [](const LookedAt& seen) { return seen.member.id == 1; });
  ASSERT_NE(waiter, look.members.end());
  EXPECT_EQ(waiter->children, (std::vector<uint64_t>{5000, 5001}));
  EXPECT_TRUE(ids_of(look).contains(5000));
  EXPECT_TRUE(ids_of(look).contains(5001));
}

TEST(WaitLooks, WhatAShortWaitIsForIsNotRead) {
  FakeTarget target;
  target.objects[16] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 7};
  Census census = census_of({parked(1, 16)});
  census.members[0].since_ns = looked_ns - 1'000'000;
  const WaitLook look = look_at_waits(target, census);
  ASSERT_EQ(look.members.size(), 1u);
  EXPECT_FALSE(look.members[0].object);
}

}  // namespace
}  // namespace coroscope
