// SPDX-License-Identifier: Apache-2.0
#include "observe/wait_edges.h"

#include <gtest/gtest.h>

#include "fake_target.h"

namespace coroscope {
namespace {

// Coroutine N waits on the object at N * 16.
Census waiting(uint64_t count) {
  Census census;
  for (uint64_t id = 1; id <= count; ++id) {
    Member member;
    member.id = id;
    member.object = 16 * id;
    member.activity = Activity::parked;
    census.members.push_back(member);
  }
  return census;
}

TEST(WaitEdges, AreThoseThatAnObjectNames) {
  using enum WaitObject::Kind;
  FakeTarget target;
  target.objects[16] = {.kind = mutex, .length = 1, .holder = 2};
  target.objects[32] = {.kind = rw_mutex, .holder = 3};
  target.objects[48] = {.kind = join, .holder = 4};
  target.objects[64] = {.kind = once, .holder = 5};
  target.objects[80] = {.kind = mutex, .length = 1};     // by whom is not known
  target.objects[96] = {.kind = channel, .holder = 99};  // a channel has none
  target.objects[112] = {.kind = rw_mutex, .length = 1, .waiting_senders = 1, .lone_reader = 7};
  Census census = waiting(9);
  census.members[8].object = 16;
  census.members[8].activity = Activity::running;
  const WaitEdges waits = find_wait_edges(target, census);
  EXPECT_EQ(waits.edges, (std::vector<WaitEdge>{{1, 2}, {2, 3}, {3, 4}, {4, 5}, {7, 7}}));
  EXPECT_EQ(waits.moved, 1u) << "there is nothing at what 8 waits on";
}

// Counts what it is asked, and at some point answers something else.
class MovingTarget : public FakeTarget {
 public:
  std::optional<WaitObject> object_of(uint32_t slot, uint64_t id, uint64_t at) const override {
    if (++asked == move_at) moving.clear();
    const auto found = moving.find(at);
    if (found != moving.end()) return found->second;
    return FakeTarget::object_of(slot, id, at);
  }
  bool may_have_holder(Reason reason) const override { return reason != nobodys_reason; }
  mutable std::map<uint64_t, WaitObject> moving;
  Reason nobodys_reason = 99;
  mutable uint64_t asked = 0;
  uint64_t move_at = 0;
};

TEST(WaitEdges, ThoseOfACycleAreAskedForAgain) {
  using enum WaitObject::Kind;
  MovingTarget target;
  target.moving[16] = {.kind = mutex, .length = 1, .holder = 2};
  target.moving[32] = {.kind = mutex, .length = 1, .holder = 1};
  target.moving[48] = {.kind = mutex, .length = 1, .holder = 1};
  const WaitEdges still = find_wait_edges(target, waiting(3));
  EXPECT_EQ(still.edges.size(), 3u);
  EXPECT_EQ(target.asked, 5u) << "3 is part of no cycle";
  target.asked = 0;
  target.move_at = 4;
  const WaitEdges moved = find_wait_edges(target, waiting(3));
  EXPECT_EQ(moved.edges, (std::vector<WaitEdge>{{3, 1}}));
  EXPECT_EQ(moved.moved, 2u);
}

TEST(WaitEdges, WaitsThatNameNobodyAreNotAskedAbout) {
  MovingTarget target;
  target.nobodys_reason = 7;
  target.moving[16] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = 2};
  Census census = waiting(1000);
  for (Member& member : census.members) member.reason = 7;
  EXPECT_TRUE(find_wait_edges(target, census).edges.empty());
  EXPECT_EQ(target.asked, 0u);
}

}  // namespace
}  // namespace coroscope
