// SPDX-License-Identifier: Apache-2.0
// The counting core of the BPF programs, run on the host against fake maps.
#include "fake_maps.h"
// After the maps and helpers that it uses.
#include "counting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace {

constexpr wire_u64 cookie = 3;

class Counting : public testing::Test {
 protected:
  void SetUp() override {
    targets = {};
    stack_counters = {};
    losses = {};
    windows = {};
    windows.target = cookie;
    target() = {4, 8, WIRE_MODE_COUNTING, 0};
  }

  static wire_target& target() { return targets.values[cookie]; }
  static wire_stack_counters& stack(uint32_t id) { return stack_counters.values[4 + id]; }
  static uint64_t lost(wire_loss cause) { return losses.values[cookie].by_cause[cause]; }
  static uint32_t seen(uint64_t id) {
    const auto found = windows.entries.find(id);
    return found == windows.entries.end() ? 0 : found->second.seen;
  }
};

TEST_F(Counting, EachEventCountsForItsStack) {
  count_spawn(cookie, 1, 2);
  count_spawn(cookie, 2, 2);
  count_park(cookie, 1, 2);
  count_unpark(cookie, 1, 2, 1000);
  count_park(cookie, 2, 2);
  count_exit(cookie, 1, 2);

  EXPECT_EQ(stack(2).spawned, 2u);
  EXPECT_EQ(stack(2).exited, 1u);
  EXPECT_EQ(stack(2).live, 1);
  EXPECT_EQ(stack(2).parks, 2u);
  EXPECT_EQ(stack(2).unparks, 1u);
  EXPECT_EQ(stack(2).parked, 1);
  EXPECT_EQ(stack(2).parked_ns, 1000u);
  EXPECT_EQ(stack(2).park_ns_log2[9], 1u);
  EXPECT_EQ(stack(1).spawned, 0u);
  EXPECT_EQ(stack(3).spawned, 0u);
}

TEST_F(Counting, LiveGoesBelowZeroForThoseWhoWereThereBefore) {
  count_exit(cookie, 1, 2);
  count_unpark(cookie, 2, 2, 5);
  EXPECT_EQ(stack(2).live, -1);
  EXPECT_EQ(stack(2).parked, -1);
}

TEST_F(Counting, NothingCountsWhileProbesAreBeingAttached) {
  target().mode = WIRE_MODE_WINDOW;
  count_spawn(cookie, 1, 2);
  count_park(cookie, 1, 2);
  count_unpark(cookie, 1, 2, 1);
  count_exit(cookie, 1, 2);
  EXPECT_EQ(stack(2).spawned + stack(2).exited + stack(2).parks + stack(2).unparks, 0u);
  EXPECT_TRUE(windows.entries.empty());
}

TEST_F(Counting, AStackWithoutASlotCountsInSlotZeroAndAsALoss) {
  count_spawn(cookie, 1, 8);
  count_spawn(cookie, 2, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(stack(0).spawned, 2u);
  EXPECT_EQ(lost(WIRE_LOSS_STACK_UNMAPPED), 2u);
  EXPECT_EQ(stack_counters.values[12].spawned, 0u) << "the next target's region";
}

TEST_F(Counting, ARegionBeyondTheMapIsALoss) {
  target() = {100, 8, WIRE_MODE_COUNTING, 0};
  count_spawn(cookie, 1, 1);
  EXPECT_EQ(lost(WIRE_LOSS_STACK_UNMAPPED), 1u);
}

TEST_F(Counting, ACookieOfNoTargetIsALossOfItsOwn) {
  count_spawn(WIRE_MAX_TARGETS, 1, 2);
  count_exit(std::numeric_limits<uint64_t>::max(), 1, 2);
  EXPECT_EQ(losses.values[WIRE_MAX_TARGETS].by_cause[WIRE_LOSS_TARGET], 2u);
}

TEST_F(Counting, TheWindowNotesBirthAndDeath) {
  target().mode |= WIRE_MODE_WINDOW;
  count_spawn(cookie, 1, 2);
  count_spawn(cookie, 2, 3);
  count_exit(cookie, 2, 3);
  count_exit(cookie, 3, 5);
  EXPECT_EQ(seen(1), WIRE_SEEN_SPAWN);
  EXPECT_EQ(seen(2), WIRE_SEEN_SPAWN | WIRE_SEEN_EXIT);
  EXPECT_EQ(seen(3), WIRE_SEEN_EXIT);
  EXPECT_EQ(windows.entries[3].stack_id, 5u);
}

TEST_F(Counting, TheWindowKnowsWhoWasParkedWhenItOpened) {
  target().mode |= WIRE_MODE_WINDOW;
  count_unpark(cookie, 1, 2, 1);  // was parked
  count_park(cookie, 1, 2);
  count_park(cookie, 2, 2);  // was not
  count_unpark(cookie, 2, 2, 1);
  count_exit(cookie, 3, 2);
  EXPECT_EQ(seen(1), WIRE_SEEN_WAIT | WIRE_FIRST_WAIT_ENDED);
  EXPECT_EQ(seen(2), WIRE_SEEN_WAIT);
  EXPECT_EQ(seen(3), WIRE_SEEN_EXIT);
}

TEST_F(Counting, AnUnparkAfterASpawnInTheWindowIsNotAFirstWait) {
  target().mode |= WIRE_MODE_WINDOW;
  count_spawn(cookie, 1, 2);
  count_park(cookie, 1, 2);
  count_unpark(cookie, 1, 2, 1);
  EXPECT_EQ(seen(1), WIRE_SEEN_SPAWN | WIRE_SEEN_WAIT);
}

TEST_F(Counting, AFullWindowIsALossButStillCounts) {
  target().mode |= WIRE_MODE_WINDOW;
  windows.max_entries = 1;
  count_spawn(cookie, 1, 2);
  count_spawn(cookie, 2, 2);
  count_exit(cookie, 1, 2);
  EXPECT_EQ(lost(WIRE_LOSS_WINDOW_FULL), 1u);
  EXPECT_EQ(stack(2).spawned, 2u);
  EXPECT_EQ(stack(2).exited, 1u);
}

TEST_F(Counting, WithoutAWindowNothingIsNoted) {
  count_spawn(cookie, 1, 2);
  EXPECT_TRUE(windows.entries.empty());
}

TEST(ParkBucket, IsTheBinaryLogarithm) {
  EXPECT_EQ(park_bucket(0), 0u);
  EXPECT_EQ(park_bucket(1), 0u);
  for (uint32_t bit = 1; bit < 64; ++bit) {
    const uint32_t expected = std::min(bit, WIRE_PARK_BUCKETS - 1);
    EXPECT_EQ(park_bucket(uint64_t{1} << bit), expected);
    EXPECT_EQ(park_bucket((uint64_t{1} << bit) + 1), expected);
    EXPECT_EQ(park_bucket((uint64_t{1} << bit) - 1), std::min(bit - 1, WIRE_PARK_BUCKETS - 1));
  }
  EXPECT_EQ(park_bucket(std::numeric_limits<uint64_t>::max()), WIRE_PARK_BUCKETS - 1);
}

}  // namespace
