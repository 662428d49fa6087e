// SPDX-License-Identifier: Apache-2.0
#include "model/batches.h"

#include <gtest/gtest.h>

namespace coroscope {
namespace {

Event event(wire_event_kind kind, uint64_t id, uint64_t time_ns, uint64_t value = 0) {
  Event one{};
  one.id = id;
  one.stack_id = 2;
  one.sequence = static_cast<uint32_t>(time_ns);
  one.kind = static_cast<uint16_t>(kind);
  one.value = value;
  one.time_ns = time_ns;
  return one;
}

// A worker's events number 10 to 13; the first two were flushed.
EventRings some_rings() {
  EventRing ring;
  ring.worker = 7;
  ring.flushed = 12;
  ring.first = 10;
  ring.events = {event(WIRE_EVENT_SPAWN, 1, 100), event(WIRE_EVENT_PARK, 1, 200),
                 event(WIRE_EVENT_UNPARK, 1, 300, 100), event(WIRE_EVENT_EXIT, 1, 400)};
  return {{ring}, 0};
}

Counters counters_of(size_t stacks) {
  Counters counters;
  counters.by_stack.resize(stacks);
  return counters;
}

TEST(Batches, CountAtAStackOfWhichNothingWasCountedYet) {
  Counters counters;
  counters.room = 3;
  add_all_waiting(
      {{{.worker = 1, .flushed = 0, .first = 0, .events = {event(WIRE_EVENT_SPAWN, 1, 100)}}}, 0},
      {}, counters);
  ASSERT_EQ(counters.by_stack.size(), 3u);
  EXPECT_EQ(counters.by_stack[2].spawned, 1u);
  EXPECT_EQ(counters.losses.by_cause[WIRE_LOSS_STACK_UNMAPPED], 0u);
}

TEST(Batches, WhatTheKernelHasGotIsNotAddedAgain) {
  Counters counters = counters_of(4);
  add_waiting(some_rings(), {{7, {.next = 13, .done = 12, .noted = 0}}}, {}, counters);
  EXPECT_EQ(counters.by_stack[2].unparks, 0u);
  EXPECT_EQ(counters.by_stack[2].exited, 1u);
  EXPECT_EQ(counters.by_stack[2].live, -1);
}

TEST(Batches, OfAWorkerThatTheKernelDoesNotKnowAllThatWaitsIsAdded) {
  Counters counters = counters_of(4);
  add_waiting(some_rings(), {}, {}, counters);
  EXPECT_EQ(counters.by_stack[2].parks, 0u) << "it was flushed";
  EXPECT_EQ(counters.by_stack[2].unparks, 1u);
  EXPECT_EQ(counters.by_stack[2].parked_ns, 100u);
  EXPECT_EQ(counters.by_stack[2].park_ns_log2[6], 1u);
  EXPECT_EQ(counters.by_stack[2].exited, 1u);
}

TEST(Batches, WhatWasFlushedWhenTheRingsWereReadIsInTheCounters) {
  Counters counters = counters_of(4);
  add_all_waiting(some_rings(), {}, counters);
  EXPECT_EQ(counters.by_stack[2].parks, 0u);
  EXPECT_EQ(counters.by_stack[2].unparks, 1u);
}

TEST(Batches, WhatHappenedBeforeIsLeftOut) {
  Counters counters = counters_of(4);
  add_waiting(some_rings(), {}, {.since_ns = 301, .sample = 1}, counters);
  EXPECT_EQ(counters.by_stack[2].unparks, 0u);
  EXPECT_EQ(counters.by_stack[2].exited, 1u);
}

TEST(Batches, AStackBeyondTheCountersIsCountedWithoutIt) {
  Counters counters = counters_of(2);
  add_waiting(some_rings(), {}, {}, counters);
  EXPECT_EQ(counters.by_stack[0].exited, 1u);
  EXPECT_EQ(counters.losses.by_cause[WIRE_LOSS_STACK_UNMAPPED], 2u);
}

TEST(Batches, AnEventOfNoKindIsALoss) {
  EventRings rings = some_rings();
  rings.rings[0].events[3].kind = 77;
  Counters counters = counters_of(4);
  add_waiting(rings, {}, {}, counters);
  EXPECT_EQ(counters.losses.by_cause[WIRE_LOSS_ARGUMENT], 1u);
}

TEST(Batches, OfASampleTheWaitsOfTheOthersAreLeftOut) {
  const uint32_t sample = wire_sampled(1, 2) != 0 ? 1000 : 2;
  ASSERT_EQ(wire_sampled(1, sample), 0);
  Counters counters = counters_of(4);
  add_waiting(some_rings(), {}, {.since_ns = 0, .sample = sample}, counters);
  EXPECT_EQ(counters.by_stack[2].unparks, 0u);
  EXPECT_EQ(counters.by_stack[2].exited, 1u);
}

TEST(Batches, ParkedStacksAreAddedIfSomebodyAsked) {
  EventRings rings = some_rings();
  for (Event& one : rings.rings[0].events) one.parked_stack_id = 1;
  Counters counters = counters_of(4);
  counters.by_parked_stack.resize(2);
  add_waiting(rings, {{7, {.next = 0, .done = 0, .noted = 0}}}, {}, counters);
  EXPECT_EQ(counters.by_parked_stack[1].parks, 1u);
  EXPECT_EQ(counters.by_parked_stack[1].unparks, 1u);
  EXPECT_EQ(counters.by_parked_stack[1].parked_ns, 100u);
}

TEST(Batches, WhatTheKernelDidNotNoteIsNoted) {
  Noted noted;
  note_waiting(some_rings(), {{7, {.next = 14, .done = 14, .noted = 11}}}, {}, 400, noted);
  ASSERT_EQ(noted.size(), 1u);
  EXPECT_EQ(noted[1].events[WIRE_EVENT_SPAWN], 0u) << "the kernel did";
  EXPECT_EQ(noted[1].events[WIRE_EVENT_PARK], 1u);
  EXPECT_EQ(noted[1].events[WIRE_EVENT_UNPARK], 1u);
  EXPECT_EQ(noted[1].events[WIRE_EVENT_EXIT], 0u) << "after the moment";
  EXPECT_EQ(noted[1].stack_id, 2u);
  EXPECT_EQ(seen_of(noted, Moments::sequences).at(0).seen, seen_wait) << "the park was first";
}

TEST(Batches, SequencesOfWaitsMayWrap) {
  wire_window_entry entry{};
  entry.events[WIRE_EVENT_PARK] = entry.events[WIRE_EVENT_UNPARK] = 1;
  // The kernel adds them up as 64 bits.
  entry.order = uint64_t{2} - 0xfffffffeu;  // park at 2^32 - 2, unpark at 2
  EXPECT_EQ(seen_of(entry, Moments::sequences), seen_wait);
  entry.order = uint64_t{0xfffffffeu} - 2;  // unpark at 2^32 - 2, park at 2
  EXPECT_EQ(seen_of(entry, Moments::sequences), seen_wait | seen_first_wait_ended);
}

}  // namespace
}  // namespace coroscope
