// SPDX-License-Identifier: Apache-2.0
// The counting core of the BPF programs, run on the host against fake maps.
#include "fake_maps.h"
// After the maps and helpers that it uses.
#define COUNTING_FUNCTION inline
#include "counting.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

namespace {

constexpr wire_u64 cookie = 3;
constexpr size_t first_chunk = cookie * WIRE_TARGET_CHUNKS;

class Counting : public testing::Test {
 protected:
  void SetUp() override {
    targets = {};
    stack_counters = {};
    park_counters = {};
    stack_counters.values[first_chunk].make<wire_stack_counters>(8);
    losses = {};
    windows = {};
    workers.clear();
    unreadable = false;
    windows.target = cookie;
    target() = {.mode = WIRE_MODE_COUNTING,
                .sample = 1,
                .since_ns = 0,
                .until_ns = std::numeric_limits<uint64_t>::max(),
                .reserved = 0};
  }

  static wire_target& target() { return targets.values[cookie]; }
  static wire_stack_counters& stack(uint32_t id) {
    return stack_counters.values[first_chunk].at<wire_stack_counters>(id);
  }
  static uint64_t unparks(uint32_t id) {
    const auto& buckets = stack(id).park_ns_log2;
    return std::accumulate(std::begin(buckets), std::end(buckets), uint64_t{0});
  }
  static uint64_t lost(wire_loss cause) { return losses.values[cookie].by_cause[cause]; }
  // How often something was noted of a coroutine.
  static uint32_t noted(uint64_t id, wire_event_kind kind) {
    const auto found = windows.entries.find(id);
    return found == windows.entries.end() ? 0 : found->second.events[kind];
  }
  // Below 0: its first wait ended, among as many that began as ended.
  static int64_t order(uint64_t id) { return static_cast<int64_t>(windows.entries[id].order); }
};

TEST_F(Counting, EachEventCountsForItsStack) {
  count_one(cookie, WIRE_EVENT_SPAWN, 1, 2, 0);
  count_one(cookie, WIRE_EVENT_SPAWN, 2, 2, 0);
  count_one(cookie, WIRE_EVENT_PARK, 1, 2, 0);
  count_one(cookie, WIRE_EVENT_UNPARK, 1, 2, 1000);
  count_one(cookie, WIRE_EVENT_PARK, 2, 2, 0);
  count_one(cookie, WIRE_EVENT_EXIT, 1, 2, 0);

  EXPECT_EQ(stack(2).spawned, 2u);
  EXPECT_EQ(stack(2).exited, 1u);
  EXPECT_EQ(stack(2).parks, 2u);
  EXPECT_EQ(unparks(2), 1u);
  EXPECT_EQ(stack(2).parked_ns, 1000u);
  EXPECT_EQ(stack(2).park_ns_log2[9], 1u);
  EXPECT_EQ(stack(1).spawned, 0u);
  EXPECT_EQ(stack(3).spawned, 0u);
}

TEST_F(Counting, NothingCountsWhileProbesAreBeingAttached) {
  target().mode = WIRE_MODE_WINDOW;
  count_one(cookie, WIRE_EVENT_SPAWN, 1, 2, 0);
  count_one(cookie, WIRE_EVENT_PARK, 1, 2, 0);
  count_one(cookie, WIRE_EVENT_UNPARK, 1, 2, 1);
  count_one(cookie, WIRE_EVENT_EXIT, 1, 2, 0);
  EXPECT_EQ(stack(2).spawned + stack(2).exited + stack(2).parks + unparks(2), 0u);
  EXPECT_TRUE(windows.entries.empty());
}

TEST_F(Counting, AStackWithoutASlotCountsInSlotZeroAndAsALoss) {
  count_one(cookie, WIRE_EVENT_SPAWN, 1, 8, 0);
  count_one(cookie, WIRE_EVENT_SPAWN, 2, std::numeric_limits<uint64_t>::max(), 0);
  EXPECT_EQ(stack(0).spawned, 2u);
  EXPECT_EQ(lost(WIRE_LOSS_STACK_UNMAPPED), 2u);
}

TEST_F(Counting, StacksOfALaterChunkCountThere) {
  stack_counters.values[first_chunk + 1].make<wire_stack_counters>(8);
  count_one(cookie, WIRE_EVENT_SPAWN, 1, WIRE_CHUNK_STACKS + 3, 0);
  EXPECT_EQ(stack_counters.values[first_chunk + 1].at<wire_stack_counters>(3).spawned, 1u);
  EXPECT_EQ(stack(3).spawned, 0u);
  EXPECT_EQ(lost(WIRE_LOSS_STACK_UNMAPPED), 0u);
}

TEST_F(Counting, AStackBeyondTheLastChunkIsNotThatOfTheNextTarget) {
  FakeInner& next = stack_counters.values[first_chunk + WIRE_TARGET_CHUNKS];
  next.make<wire_stack_counters>(8);
  count_one(cookie, WIRE_EVENT_SPAWN, 1, WIRE_CHUNK_STACKS * WIRE_TARGET_CHUNKS + 2, 0);
  EXPECT_EQ(next.at<wire_stack_counters>(2).spawned, 0u);
  EXPECT_EQ(stack(0).spawned, 1u);
  EXPECT_EQ(lost(WIRE_LOSS_STACK_UNMAPPED), 1u);
}

TEST_F(Counting, WithoutCountersNothingHappens) {
  stack_counters.values[first_chunk] = {};
  count_one(cookie, WIRE_EVENT_SPAWN, 1, 1, 0);
  EXPECT_EQ(lost(WIRE_LOSS_STACK_UNMAPPED), 0u);
}

TEST_F(Counting, ACookieOfNoTargetIsALossOfItsOwn) {
  count_one(WIRE_MAX_TARGETS, WIRE_EVENT_SPAWN, 1, 2, 0);
  count_one(std::numeric_limits<uint64_t>::max(), WIRE_EVENT_EXIT, 1, 2, 0);
  EXPECT_EQ(losses.values[WIRE_MAX_TARGETS].by_cause[WIRE_LOSS_TARGET], 2u);
}

TEST_F(Counting, TheWindowNotesBirthAndDeath) {
  target().mode |= WIRE_MODE_WINDOW;
  count_one(cookie, WIRE_EVENT_SPAWN, 1, 2, 0);
  count_one(cookie, WIRE_EVENT_SPAWN, 2, 3, 0);
  count_one(cookie, WIRE_EVENT_EXIT, 2, 3, 0);
  count_one(cookie, WIRE_EVENT_EXIT, 3, 5, 0);
  EXPECT_EQ(noted(1, WIRE_EVENT_SPAWN), 1u);
  EXPECT_EQ(noted(1, WIRE_EVENT_EXIT), 0u);
  EXPECT_EQ(noted(2, WIRE_EVENT_SPAWN), 1u);
  EXPECT_EQ(noted(2, WIRE_EVENT_EXIT), 1u);
  EXPECT_EQ(noted(3, WIRE_EVENT_SPAWN), 0u);
  EXPECT_EQ(noted(3, WIRE_EVENT_EXIT), 1u);
  EXPECT_EQ(windows.entries[3].stack_id, 5u);
}

TEST_F(Counting, TheWindowKnowsWhoWasParkedWhenItOpened) {
  target().mode |= WIRE_MODE_WINDOW;
  count_one(cookie, WIRE_EVENT_UNPARK, 1, 2, 1);  // was parked
  count_one(cookie, WIRE_EVENT_PARK, 1, 2, 0);
  count_one(cookie, WIRE_EVENT_PARK, 2, 2, 0);  // was not
  count_one(cookie, WIRE_EVENT_UNPARK, 2, 2, 1);
  count_one(cookie, WIRE_EVENT_EXIT, 3, 2, 0);
  EXPECT_EQ(noted(1, WIRE_EVENT_UNPARK), 1u);
  EXPECT_EQ(noted(1, WIRE_EVENT_PARK), 1u);
  EXPECT_LT(order(1), 0);
  EXPECT_EQ(noted(2, WIRE_EVENT_UNPARK), 1u);
  EXPECT_EQ(noted(2, WIRE_EVENT_PARK), 1u);
  EXPECT_GT(order(2), 0);
  EXPECT_EQ(noted(3, WIRE_EVENT_PARK), 0u);
}

TEST_F(Counting, AFullWindowIsALossButStillCounts) {
  target().mode |= WIRE_MODE_WINDOW;
  windows.max_entries = 1;
  count_one(cookie, WIRE_EVENT_SPAWN, 1, 2, 0);
  count_one(cookie, WIRE_EVENT_SPAWN, 2, 2, 0);
  count_one(cookie, WIRE_EVENT_EXIT, 1, 2, 0);
  EXPECT_EQ(lost(WIRE_LOSS_WINDOW_FULL), 1u);
  EXPECT_EQ(stack(2).spawned, 2u);
  EXPECT_EQ(stack(2).exited, 1u);
}

TEST_F(Counting, WithoutAWindowNothingIsNoted) {
  count_one(cookie, WIRE_EVENT_SPAWN, 1, 2, 0);
  EXPECT_TRUE(windows.entries.empty());
}

wire_event event(wire_event_kind kind, uint64_t id, uint32_t sequence, uint64_t value = 0) {
  wire_event one{};
  one.id = id;
  one.stack_id = 2;
  one.sequence = sequence;
  one.kind = static_cast<wire_u16>(kind);
  one.value = value;
  return one;
}

// Hands over as the probe does.
void flush(const std::vector<wire_event>& events, uint64_t worker, uint64_t first) {
  count_batch(cookie, reinterpret_cast<wire_u64>(events.data()), events.size(), worker, first);
}

TEST_F(Counting, ABatchCountsAsItsEventsDo) {
  flush({event(WIRE_EVENT_SPAWN, 1, 2), event(WIRE_EVENT_PARK, 1, 4),
         event(WIRE_EVENT_UNPARK, 1, 8, 1000), event(WIRE_EVENT_EXIT, 1, 12)},
        7, 0);
  EXPECT_EQ(stack(2).spawned, 1u);
  EXPECT_EQ(stack(2).exited, 1u);
  EXPECT_EQ(stack(2).parks, 1u);
  EXPECT_EQ(unparks(2), 1u);
  EXPECT_EQ(stack(2).parked_ns, 1000u);
  EXPECT_EQ(stack(2).park_ns_log2[9], 1u);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 0u);
}

TEST_F(Counting, WhatABatchHasAgainIsLeftOutAndAGapIsALoss) {
  const std::vector<wire_event> four(4, event(WIRE_EVENT_PARK, 1, 4));
  flush(four, 7, 0);
  flush(four, 7, 0);  // all are known
  EXPECT_EQ(stack(2).parks, 4u);
  flush(four, 8, 0);  // of another worker
  EXPECT_EQ(stack(2).parks, 8u);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 0u);
  flush(four, 7, 7);
  EXPECT_EQ(stack(2).parks, 12u);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 3u);
}

TEST_F(Counting, ABatchOfWhichSomeIsKnownIsALoss) {
  const std::vector<wire_event> four(4, event(WIRE_EVENT_PARK, 1, 4));
  flush(four, 7, 0);
  flush(four, 7, 2);
  EXPECT_EQ(stack(2).parks, 4u);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 2u);
  flush(four, 7, 6);
  EXPECT_EQ(stack(2).parks, 8u);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 2u);
}

TEST_F(Counting, ABatchThatCanNotBeReadIsALoss) {
  const std::vector<wire_event> four(4, event(WIRE_EVENT_PARK, 1, 4));
  unreadable = true;
  flush(four, 7, 0);
  flush({four.front()}, 0, 0);
  unreadable = false;
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_UNREAD), 5u);
  flush(four, 7, 4);
  EXPECT_EQ(stack(2).parks, 4u);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 0u) << "once is enough";
  flush(std::vector<wire_event>(WIRE_BATCH + 1, four.front()), 7, 8);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_UNREAD), 5u + WIRE_BATCH + 1);
}

// Twice so many would be none.
TEST_F(Counting, LossesDoNotComeRoundToNothing) {
  constexpr wire_u64 half = 1ull << 63;
  const std::vector<wire_event> one(1, event(WIRE_EVENT_PARK, 1, 4));
  for (const uint64_t worker : {7, 8}) {
    flush(one, worker, half);
    count_batch(cookie, 0, half, 0, 0);
  }
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 2 * WIRE_MOST_LOST);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_UNREAD), 2 * WIRE_MOST_LOST);
}

TEST_F(Counting, AThreadWithoutARingHandsOverOneAtATime) {
  flush({event(WIRE_EVENT_UNPARK, 1, 8, 5)}, 0, 0);
  flush({event(WIRE_EVENT_UNPARK, 2, 8, 5)}, 0, 0);
  EXPECT_EQ(unparks(2), 2u);
  EXPECT_TRUE(workers.empty());
}

TEST_F(Counting, BeforeCountingBeginsOnlyWhoHandedOverHowMuchIsFollowed) {
  target().mode = 0;
  const std::vector<wire_event> four(4, event(WIRE_EVENT_PARK, 1, 4));
  flush(four, 7, 100);
  EXPECT_EQ(stack(2).parks, 0u);
  EXPECT_EQ(workers.at(7).next, 104u);
  EXPECT_EQ(workers.at(7).done, 104u);
  target().mode = WIRE_MODE_COUNTING;
  flush(four, 7, 104);
  EXPECT_EQ(stack(2).parks, 4u);
  for (const uint64_t loss : losses.values[cookie].by_cause) EXPECT_EQ(loss, 0u);
}

TEST_F(Counting, WhatIsOlderThanTheAttachNeedNotCome) {
  const std::vector<wire_event> four(4, event(WIRE_EVENT_PARK, 1, 4));
  for (const uint64_t begun : {110, 108, 114}) {
    workers[begun] = {};
    workers[begun].next = workers[begun].done = 100;
    workers[begun].begun = begun;
    flush(four, begun, 110);
  }
  EXPECT_EQ(stack(2).parks, 12u);
  EXPECT_EQ(lost(WIRE_LOSS_BATCH_MISSED), 2u) << "of the one of which 108 were there";
}

TEST_F(Counting, WhatHappenedBeforeCountingBeganDoesNotCount) {
  target().since_ns = 1000;
  std::vector<wire_event> two(2, event(WIRE_EVENT_PARK, 1, 4));
  two[0].time_ns = 999;
  two[1].time_ns = 1000;
  flush(two, 7, 0);
  EXPECT_EQ(stack(2).parks, 1u);
  EXPECT_EQ(lost(WIRE_LOSS_RESYNC), 0u);
}

TEST_F(Counting, WhatHappensDuringAResyncIsALoss) {
  const std::vector<wire_event> four(4, event(WIRE_EVENT_PARK, 1, 4));
  target().mode = WIRE_MODE_AGAIN;
  flush(four, 7, 0);
  flush({four[0]}, 0, 0);
  count_one(cookie, WIRE_EVENT_PARK, 1, 2, 0);
  EXPECT_EQ(lost(WIRE_LOSS_RESYNC), 6u);
  target().mode = WIRE_MODE_AGAIN | WIRE_MODE_COUNTING;
  target().since_ns = 1;
  flush(four, 7, 4);
  EXPECT_EQ(lost(WIRE_LOSS_RESYNC), 10u);
  EXPECT_EQ(stack(2).parks, 0u);
}

TEST_F(Counting, OfASampleBirthsAllCountAndWaitsOfTheSameOnes) {
  target().sample = 10;
  uint64_t chosen = 0;
  for (uint64_t id = 1; id <= 1000; ++id) {
    flush({event(WIRE_EVENT_SPAWN, id, 2), event(WIRE_EVENT_PARK, id, 4),
           event(WIRE_EVENT_UNPARK, id, 6, 100)},
          7, 3 * (id - 1));
    count_one(cookie, WIRE_EVENT_PARK, id, 2, 0);
    chosen += wire_sampled(id, 10) != 0;
  }
  EXPECT_EQ(stack(2).spawned, 1000u);
  EXPECT_EQ(stack(2).parks, 2 * chosen);
  EXPECT_EQ(unparks(2), chosen);
  EXPECT_NEAR(static_cast<double>(chosen), 100, 40);
}

TEST_F(Counting, ParkedStacksCountIfSomebodyAsked) {
  std::vector<wire_event> wait = {event(WIRE_EVENT_PARK, 1, 4), event(WIRE_EVENT_UNPARK, 1, 6, 70)};
  wait[0].parked_stack_id = wait[1].parked_stack_id = 3;
  flush(wait, 7, 0);
  park_counters.values[first_chunk].make<wire_park_counters>(4);
  flush(wait, 7, 2);
  wait[0].parked_stack_id = wait[1].parked_stack_id = 4;  // beyond
  flush(wait, 7, 4);
  auto& parked = park_counters.values[first_chunk];
  EXPECT_EQ(parked.at<wire_park_counters>(3).parks, 1u);
  EXPECT_EQ(parked.at<wire_park_counters>(3).unparks, 1u);
  EXPECT_EQ(parked.at<wire_park_counters>(3).parked_ns, 70u);
  EXPECT_EQ(parked.at<wire_park_counters>(0).parks, 1u);
  EXPECT_EQ(stack(2).parks, 3u);
}

TEST_F(Counting, NotingEndsAtAMoment) {
  target().mode |= WIRE_MODE_WINDOW;
  target().until_ns = 1000;
  std::vector<wire_event> two = {event(WIRE_EVENT_SPAWN, 1, 2), event(WIRE_EVENT_SPAWN, 2, 2)};
  two[0].time_ns = 999;
  two[1].time_ns = 1000;
  flush(two, 7, 0);
  EXPECT_EQ(noted(1, WIRE_EVENT_SPAWN), 1u);
  EXPECT_EQ(noted(2, WIRE_EVENT_SPAWN), 0u);
  EXPECT_EQ(stack(2).spawned, 2u);
  EXPECT_EQ(workers.at(7).noted, 2u);
}

TEST_F(Counting, AnEventOfNoKindIsALoss) {
  flush({event(WIRE_EVENT_KINDS, 1, 8)}, 7, 0);
  EXPECT_EQ(lost(WIRE_LOSS_ARGUMENT), 1u);
}

// The park is in the ring of a worker that comes later.
TEST_F(Counting, InTheWindowTheOrderIsThatOfTheSequence) {
  target().mode |= WIRE_MODE_WINDOW;
  flush({event(WIRE_EVENT_UNPARK, 1, 8, 5)}, 7, 0);
  flush({event(WIRE_EVENT_PARK, 1, 4)}, 8, 0);
  EXPECT_GT(order(1), 0);
  EXPECT_EQ(workers.at(7).noted, 1u);
  flush({event(WIRE_EVENT_UNPARK, 2, 4, 5)}, 7, 1);
  flush({event(WIRE_EVENT_PARK, 2, 8)}, 8, 1);
  EXPECT_LT(order(2), 0);
  target().mode = WIRE_MODE_COUNTING;
  flush({event(WIRE_EVENT_PARK, 2, 12)}, 7, 2);
  EXPECT_EQ(workers.at(7).noted, 2u) << "what comes after the window is not noted";
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
