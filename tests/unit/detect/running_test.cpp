// SPDX-License-Identifier: Apache-2.0
#include "detect/running.h"

#include <gtest/gtest.h>

#include "simulation.h"

namespace coroscope {
namespace {

using testing::second_ns;

class Running : public ::testing::Test {
 protected:
  Member& add(uint64_t id, Activity activity) {
    Member& member = census.members.emplace_back();
    member.id = id;
    member.revision = 2;
    member.spawn_stack = static_cast<SpawnStack>(id);
    member.activity = activity;
    return member;
  }
  void look_for(int seconds, bool stopped = false) {
    for (int i = 0; i < seconds; ++i) {
      census.ended_ns += second_ns;
      detector.check(census, stopped);
    }
  }
  std::vector<uint64_t> overdue() const {
    std::vector<uint64_t> ids;
    for (const Overdue& one : detector.overdue()) ids.push_back(one.id);
    return ids;
  }
  using Ids = std::vector<uint64_t>;

  Census census;
  RunningDetector detector{10 * second_ns};
};

TEST_F(Running, WhoDoesTheSameForTooLongIsTold) {
  add(1, Activity::running);
  add(2, Activity::runnable);
  add(3, Activity::parked);
  add(4, Activity::syscall);
  add(5, Activity::running).system = true;
  look_for(10);
  EXPECT_EQ(overdue(), Ids{}) << "9 s at most are sure";
  look_for(1);
  ASSERT_EQ(overdue(), (Ids{1, 2}));
  const Overdue& busy = detector.overdue()[0];
  EXPECT_EQ(busy.verdict, Verdict::busy);
  EXPECT_EQ(busy.for_ns, 10 * second_ns);
  EXPECT_EQ(busy.place, (PopulationKey{.spawn_stack = 1, .activity = Activity::running}));
  EXPECT_EQ(detector.overdue()[1].verdict, Verdict::starved);
  EXPECT_EQ(detector.overdue()[1].place.activity, Activity::runnable);
}

TEST_F(Running, WhoWaitedOrYieldedMeanwhileBeginsAnew) {
  Member& member = add(1, Activity::running);
  look_for(9);
  member.revision += 4;
  look_for(10);
  EXPECT_EQ(overdue(), Ids{});
  look_for(1);
  EXPECT_EQ(overdue(), Ids{1});
}

TEST_F(Running, SoDoAllIfTheProcessWasStopped) {
  add(1, Activity::running);
  look_for(11);
  EXPECT_EQ(overdue(), Ids{1});
  look_for(100, true);
  EXPECT_EQ(overdue(), Ids{});
  look_for(9);
  EXPECT_EQ(overdue(), Ids{});
  look_for(1);
  EXPECT_EQ(overdue(), Ids{1});
}

TEST_F(Running, WhoHasBeenSoForLongestComesFirst) {
  add(1, Activity::running);
  look_for(5);
  Member late = add(2, Activity::running);
  census.members = {late, census.members[0]};
  look_for(20);
  EXPECT_EQ(overdue(), (Ids{1, 2}));
}

TEST_F(Running, OnlySoManyAreFollowed) {
  for (uint64_t id = 1; id <= RunningDetector::most_known + 10; ++id) add(id, Activity::runnable);
  look_for(11);
  EXPECT_EQ(overdue().size(), RunningDetector::most_known);
}

}  // namespace
}  // namespace coroscope
