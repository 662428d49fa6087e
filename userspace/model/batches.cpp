// SPDX-License-Identifier: Apache-2.0
#include "model/batches.h"

#include <algorithm>
#include <bit>

namespace coroscope {
namespace {

uint32_t park_bucket(uint64_t ns) {
  const auto log2 = static_cast<uint32_t>(std::bit_width(ns | 1)) - 1;
  return std::min(log2, WIRE_PARK_BUCKETS - 1);
}

void add_park(const Event& event, Counters& counters) {
  if (event.parked_stack_id == 0 || counters.by_parked_stack.empty()) return;
  const bool known = event.parked_stack_id < counters.by_parked_stack.size();
  ParkCounters& place = counters.by_parked_stack[known ? event.parked_stack_id : 0];
  if (event.kind == WIRE_EVENT_PARK) {
    place.parks++;
    return;
  }
  place.unparks++;
  place.parked_ns += event.value;
}

// As count_event of bpf/counting.h does it.
void add(const Event& event, Counters& counters) {
  if (counters.slots() == 0) return;
  const bool known = event.stack_id < counters.slots();
  if (!known) counters.losses.by_cause[WIRE_LOSS_STACK_UNMAPPED]++;
  const SpawnStack place = known ? event.stack_id : 0;
  if (place >= counters.by_stack.size()) counters.by_stack.resize(place + 1);
  StackCounters& stack = counters.by_stack[place];
  switch (event.kind) {
    case WIRE_EVENT_SPAWN:
      stack.spawned++;
      stack.live++;
      return;
    case WIRE_EVENT_EXIT:
      stack.exited++;
      stack.live--;
      return;
    case WIRE_EVENT_PARK:
      stack.parks++;
      stack.parked++;
      return add_park(event, counters);
    case WIRE_EVENT_UNPARK:
      stack.unparks++;
      stack.parked--;
      stack.parked_ns += event.value;
      stack.park_ns_log2[park_bucket(event.value)]++;
      return add_park(event, counters);
    default:
      counters.losses.by_cause[WIRE_LOSS_ARGUMENT]++;
  }
}

template <typename Take>
void each_from(const EventRings& rings, const WorkerMarks& marks, uint64_t WorkerMark::*from,
               const EventChoice& choice, const Take& take) {
  for (const EventRing& ring : rings.rings) {
    const auto mark = marks.find(ring.worker);
    // Of a worker that the kernel does not know nothing has come there: or it was lost.
    const uint64_t first = mark == marks.end() ? ring.flushed : mark->second.*from;
    for (size_t i = 0; i < ring.events.size(); ++i) {
      if (ring.first + i >= first && choice.counts(ring.events[i])) take(ring.events[i]);
    }
  }
}

}  // namespace

void add_waiting(const EventRings& rings, const WorkerMarks& marks, const EventChoice& choice,
                 Counters& counters) {
  each_from(rings, marks, &WorkerMark::next, choice,
            [&](const Event& event) { add(event, counters); });
}

// What was flushed when the rings were read had been counted by then.
void add_all_waiting(const EventRings& rings, const EventChoice& choice, Counters& counters) {
  add_waiting(rings, {}, choice, counters);
}

void note_waiting(const EventRings& rings, const WorkerMarks& marks, const EventChoice& choice,
                  uint64_t until_ns, Noted& noted) {
  each_from(rings, marks, &WorkerMark::noted, choice, [&](const Event& event) {
    if (event.time_ns < until_ns) note(event, noted);
  });
}

}  // namespace coroscope
