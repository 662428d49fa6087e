// SPDX-License-Identifier: Apache-2.0
// What the BPF programs count of a batch, and what model/batches counts of the same events while
// they wait in a ring, is the same: whatever the events are.
#include "fake_maps.h"
// After the maps and helpers that it uses.
#define COUNTING_FUNCTION inline
#include "counting.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "model/batches.h"

namespace coroscope {
namespace {

constexpr wire_u64 slot = 5;
constexpr uint32_t stacks = 8;
constexpr uint64_t worker = 7;

// Mostly such as a runtime makes them.
class Events {
 public:
  explicit Events(uint32_t seed) : random_(seed) {}

  std::vector<wire_event> batch(size_t count) {
    std::vector<wire_event> events(count);
    for (wire_event& event : events) event = next();
    return events;
  }
  uint64_t below(uint64_t bound) { return random_() % bound; }

 private:
  wire_event next() {
    time_ns_ += below(20);
    const uint64_t id = 1 + below(40);
    const bool odd = below(20) == 0;
    return {.id = id,
            .stack_id = odd ? static_cast<uint32_t>(random_()) : static_cast<uint32_t>(id % stacks),
            .sequence = static_cast<uint32_t>(random_()),
            .kind = static_cast<uint16_t>(odd ? random_() : 1 + below(4)),
            .reason = static_cast<uint16_t>(below(16)),
            .parked_stack_id = static_cast<uint32_t>(below(stacks + 2)),
            .other = random_(),
            .value = random_() >> below(64),
            .time_ns = time_ns_};
  }

  std::mt19937_64 random_;
  uint64_t time_ns_ = 1000;
};

void reset(const EventChoice& choice, uint64_t until_ns) {
  targets = {};
  stack_counters = {};
  park_counters = {};
  stack_counters.values[slot * WIRE_TARGET_CHUNKS].make<wire_stack_counters>(stacks);
  park_counters.values[slot * WIRE_TARGET_CHUNKS].make<wire_park_counters>(stacks);
  losses = {};
  windows = {};
  windows.target = slot;
  windows.max_entries = 1000;
  workers.clear();
  unreadable = false;
  targets.values[slot] = {.mode = WIRE_MODE_COUNTING | WIRE_MODE_WINDOW,
                          .sample = choice.sample,
                          .since_ns = choice.since_ns,
                          .until_ns = until_ns,
                          .reserved = 0};
}

void expect_same(const StackCounters& ours, const wire_stack_counters& kernels) {
  EXPECT_EQ(ours.spawned, kernels.spawned);
  EXPECT_EQ(ours.exited, kernels.exited);
  EXPECT_EQ(ours.parks, kernels.parks);
  EXPECT_EQ(ours.parked_ns, kernels.parked_ns);
  for (size_t i = 0; i < WIRE_PARK_BUCKETS; ++i) {
    EXPECT_EQ(ours.park_ns_log2[i], kernels.park_ns_log2[i]) << i;
  }
}

void expect_same(const Counters& ours) {
  for (uint32_t id = 0; id < stacks; ++id) {
    SCOPED_TRACE(id);
    auto& kernels = stack_counters.values[slot * WIRE_TARGET_CHUNKS];
    expect_same(ours.by_stack[id], kernels.at<wire_stack_counters>(id));
    const auto& parked = park_counters.values[slot * WIRE_TARGET_CHUNKS].at<wire_park_counters>(id);
    EXPECT_EQ(ours.by_parked_stack[id].parks, parked.parks);
    EXPECT_EQ(ours.by_parked_stack[id].unparks, parked.unparks);
    EXPECT_EQ(ours.by_parked_stack[id].parked_ns, parked.parked_ns);
  }
  for (size_t cause = 0; cause < WIRE_LOSS_CAUSES; ++cause) {
    EXPECT_EQ(ours.losses.by_cause[cause], losses.values[slot].by_cause[cause]) << cause;
  }
}

void expect_same(const Noted& ours) {
  EXPECT_EQ(ours.size(), windows.entries.size());
  for (const auto& [id, entry] : ours) {
    SCOPED_TRACE(id);
    const auto kernels = windows.entries.find(id);
    ASSERT_NE(kernels, windows.entries.end());
    for (size_t kind = 0; kind < 8; ++kind) {
      EXPECT_EQ(entry.events[kind], kernels->second.events[kind]) << kind;
    }
    // Sequence numbers of 32 bits, which wrap: so does what they are a sum of.
    EXPECT_EQ(static_cast<uint32_t>(entry.order), static_cast<uint32_t>(kernels->second.order));
    EXPECT_EQ(entry.stack_id, kernels->second.stack_id);
  }
}

TEST(Agreement, OfKernelAndModelOnEventsOfAllSorts) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Events random(seed);
    const std::vector<wire_event> events = random.batch(1 + random.below(WIRE_BATCH));
    const EventChoice choice{.since_ns = 1000 + random.below(2000),
                             .sample = static_cast<uint32_t>(1 + random.below(3))};
    const uint64_t until_ns = choice.since_ns + random.below(2000);
    reset(choice, until_ns);
    count_batch(slot, reinterpret_cast<uint64_t>(events.data()), events.size(), worker, 0);

    const EventRings rings{
        .rings = {{.worker = worker, .flushed = 0, .first = 0, .events = events}}, .unread = 0};
    Counters counters;
    counters.by_stack.resize(stacks);
    counters.by_parked_stack.resize(stacks);
    Noted noted;
    add_waiting(rings, {}, choice, counters);
    note_waiting(rings, {}, choice, until_ns, noted);
    expect_same(counters);
    expect_same(noted);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace coroscope
