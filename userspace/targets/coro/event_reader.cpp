// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/event_reader.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "wire.h"

namespace coroscope::coro {
namespace {

// BPF programs read a batch as it lies in the target.
static_assert(sizeof(coro_event) == sizeof(wire_event));
static_assert(offsetof(coro_event, id) == offsetof(wire_event, id));
static_assert(offsetof(coro_event, stack_id) == offsetof(wire_event, stack_id));
static_assert(offsetof(coro_event, sequence) == offsetof(wire_event, sequence));
static_assert(offsetof(coro_event, kind) == offsetof(wire_event, kind));
static_assert(offsetof(coro_event, parked_stack_id) == offsetof(wire_event, parked_stack_id));
static_assert(offsetof(coro_event, value) == offsetof(wire_event, value));
static_assert(offsetof(coro_event, time_ns) == offsetof(wire_event, time_ns));
static_assert(uint32_t{CORO_EVENT_SPAWN} == WIRE_EVENT_SPAWN);
static_assert(uint32_t{CORO_EVENT_PARK} == WIRE_EVENT_PARK);
static_assert(uint32_t{CORO_EVENT_UNPARK} == WIRE_EVENT_UNPARK);
static_assert(uint32_t{CORO_EVENT_EXIT} == WIRE_EVENT_EXIT);

bool is_ring(const coro_worker& worker) {
  return worker.number != 0 && worker.events != 0 && worker.events_flushed <= worker.events_written;
}

// A copy that was made while the worker flushed may have the one number from before, and
// the other from after.
bool copy_worker(const Memory& memory, uint64_t address, coro_worker* worker) {
  constexpr int tries = 8;
  for (int i = 0; i < tries; ++i) {
    if (!memory.read_value(address, worker)) return false;
    if (is_ring(*worker)) return true;
  }
  return false;
}

// Events in order, of a copy of the ring: none that was overwritten meanwhile, or may be
// in the course of it.
EventRing ring_of(const coro_worker& before, const coro_worker& after,
                  const std::vector<Event>& slots) {
  EventRing ring;
  ring.worker = before.number;
  ring.flushed = before.events_flushed;
  const uint64_t written = before.events_written;
  const uint64_t gone = after.events_written + 1;
  ring.first = std::min(gone > slots.size() ? gone - slots.size() : 0, written);
  for (uint64_t number = ring.first; number < written; ++number) {
    ring.events.push_back(slots[number % slots.size()]);
  }
  return ring;
}

}  // namespace

bool hands_over_batches(const coro_descriptor& descriptor) {
  return descriptor.minor >= 5 && descriptor.schedulers != 0 &&
         descriptor.event_size == sizeof(wire_event) &&
         std::has_single_bit(descriptor.event_capacity) && descriptor.event_capacity > 1 &&
         descriptor.event_capacity <= 2 * WIRE_BATCH;
}

EventRings read_rings(const Memory& memory, const coro_descriptor& descriptor,
                      const std::vector<WorkerPlace>& places) {
  EventRings result;
  std::vector<Event> slots(descriptor.event_capacity);
  for (const WorkerPlace& place : places) {
    coro_worker before = place.worker;
    coro_worker after{};
    const bool read = (is_ring(before) || copy_worker(memory, place.address, &before)) &&
                      memory.read(before.events, slots.data(), slots.size() * sizeof slots[0]) &&
                      memory.read_value(place.address, &after);
    if (read && after.number != before.number) continue;  // it ended, and handed over first
    if (read && after.events_written >= before.events_written) {
      result.rings.push_back(ring_of(before, after, slots));
    } else {
      result.unread++;
    }
  }
  return result;
}

}  // namespace coroscope::coro
