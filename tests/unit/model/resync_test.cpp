// SPDX-License-Identifier: Apache-2.0
// The ledger after something was lost, and of a sample.
#include <gtest/gtest.h>

#include "model/ledger.h"

namespace coroscope {
namespace {

TEST(Rebase, TakesOffWhatWasCountedBefore) {
  Counters counted{std::vector<StackCounters>(4), 0, {}, {}, 0};
  counted.by_stack[2].live = 5;  // of which 3 exits were lost
  counted.by_stack[2].parked = 4;
  counted.by_stack[3].live = -7;  // of a stack where nobody is now
  const Baseline settled = {{2, {2, 2}}};
  const Baseline baseline = rebase(settled, counted, 1);
  const Account account = balance(baseline, counted, {});
  EXPECT_EQ(account.live, 2);
  EXPECT_EQ(account.parked, 2);
  EXPECT_EQ(baseline.at(3).live, 7);
  EXPECT_EQ(rebase(settled, counted, 10).at(2).parked, 2 - 40);
}

TEST(Balance, OfASampleWaitsCountForAll) {
  Counters counters{std::vector<StackCounters>(2), 0, {}, {}, 0};
  counters.by_stack[1].spawned = 100;
  counters.by_stack[1].live = 100;
  counters.by_stack[1].parks = 30;
  counters.by_stack[1].unparks = 20;
  counters.by_stack[1].parked = 10;
  counters.by_stack[1].parked_ns = 500;
  counters.by_stack[1].park_ns_log2[4] = 20;
  const Account account = balance({}, counters, {}, {ProbeMode::full, 8});
  EXPECT_EQ(account.live, 100);
  EXPECT_EQ(account.parked, 80);
  ASSERT_EQ(account.stacks.size(), 1u);
  EXPECT_EQ(account.stacks[0].events.parks, 240u);
  EXPECT_EQ(account.stacks[0].events.unparks, 160u);
  EXPECT_EQ(account.stacks[0].events.parked_ns, 4000u);
  EXPECT_EQ(account.stacks[0].events.park_ns_log2[4], 160u);
  EXPECT_EQ(account.sample, 8u);
}

TEST(SettleBaseline, OfASampleWhoIsInItCountsForAll) {
  Census census;
  for (uint64_t id = 1; id <= 100; ++id) {
    Member member;
    member.id = id;
    member.spawn_stack = 7;
    member.activity = Activity::parked;
    census.members.push_back(member);
  }
  const Baseline baseline = settle_baseline(census, {}, 4);
  int64_t chosen = 0;
  for (uint64_t id = 1; id <= 100; ++id) chosen += wire_sampled(id, 4);
  EXPECT_EQ(baseline.at(7).live, 100);
  EXPECT_EQ(baseline.at(7).parked, 4 * chosen);
}

}  // namespace
}  // namespace coroscope
