// SPDX-License-Identifier: Apache-2.0
// What the table says of a coroutine at each step of its life.
#include "lifecycle.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "coro/coro.h"
#include "descriptor.h"
#include "published.h"
#include "table.h"

namespace {

using coro::detail::exact_now;

__attribute__((noinline)) void spawn_subject(coro::Channel<int> channel, std::uint64_t& id) {
  coro::go([channel, &id]() mutable {
    id = coro::current_id();
    static_cast<void>(channel.receive());
    coro::yield();
    coro::sleep_for(std::chrono::milliseconds(1));
  });
}

void expect_inside_stack(const coro_header& header) {
  EXPECT_GT(header.saved_sp, header.stack_low);
  EXPECT_LT(header.saved_sp, header.stack_high);
}

// One worker: while this coroutine runs, the other one stands still.
TEST(Lifecycle, EveryStep) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    coro::Channel<int> channel(0);
    std::uint64_t id = 0;
    const std::uint64_t before = exact_now();
    spawn_subject(channel, id);
    coro::yield();
    ASSERT_NE(id, 0u);
    coro_header* header = find_header(id);
    ASSERT_NE(header, nullptr);

    coro_header seen = read_header(*header).value();
    EXPECT_EQ(seen.state, CORO_STATE_PARKED);
    EXPECT_EQ(seen.reason, CORO_REASON_CHAN_RECEIVE);
    EXPECT_EQ(seen.object, reinterpret_cast<std::uint64_t>(channel.object()));
    EXPECT_EQ(seen.parent_id, coro::current_id());
    EXPECT_EQ(seen.kind, CORO_KIND_FIBER);
    EXPECT_EQ(seen.flags, 0u);
    EXPECT_NE(seen.entry, 0u);
    EXPECT_NE(seen.spawn_stack_id, 0u);
    constexpr std::uint64_t tick = 10'000'000;
    EXPECT_GE(seen.since_ns + tick, before);
    EXPECT_LE(seen.since_ns, exact_now());
    EXPECT_LE(seen.spawned_ns, seen.since_ns);
    expect_inside_stack(seen);
    const auto* object = static_cast<const coro_object*>(channel.object());
    EXPECT_EQ(object->magic, CORO_OBJECT_MAGIC);
    EXPECT_EQ(object->kind, CORO_OBJECT_CHANNEL);
    EXPECT_EQ(object->waiting_receivers, 1u);

    const std::uint32_t sequence = seen.sequence;
    channel.send(1);
    seen = read_header(*header).value();
    EXPECT_EQ(seen.state, CORO_STATE_RUNNABLE);
    EXPECT_NE(seen.sequence, sequence);
    EXPECT_EQ(object->waiting_receivers, 0u);
    coro::yield();  // it yields, too
    seen = read_header(*header).value();
    EXPECT_EQ(seen.state, CORO_STATE_RUNNABLE);
    expect_inside_stack(seen);
    coro::yield();
    seen = read_header(*header).value();
    EXPECT_EQ(seen.state, CORO_STATE_PARKED);
    EXPECT_EQ(seen.reason, CORO_REASON_SLEEP);
    EXPECT_EQ(seen.object, 0u);
    coro_header* self = find_header(coro::current_id());
    EXPECT_EQ(read_header(*self)->state, CORO_STATE_RUNNING);
    while (read_header(*header)->id == id) coro::yield();
    seen = read_header(*header).value();
    EXPECT_EQ(seen.state, CORO_STATE_FREE);
    EXPECT_EQ(seen.id, 0u);
  });
  scheduler.wait_empty();
}

TEST(Lifecycle, SpawnStackBeginsInTheProgram) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run([] {
    coro::Channel<int> channel(0);
    std::uint64_t id = 0;
    spawn_subject(channel, id);
    coro::yield();
    const auto frames = interned_frames(read_header(*find_header(id))->spawn_stack_id);
    ASSERT_GE(frames.size(), 3u);
    const auto function = reinterpret_cast<std::uint64_t>(&spawn_subject);
    EXPECT_GT(frames[0], function);
    EXPECT_LT(frames[0], function + 4096);
    channel.close();
  });
  scheduler.wait_empty();
}

TEST(Lifecycle, NilChannelsAndWaitGroups) {
  coro::Scheduler scheduler({.workers = 1});
  std::array<std::uint64_t, 3> ids{};
  static coro::WaitGroup group;
  group.add(1);
  scheduler.run([&ids] {
    coro::go([&ids] {
      ids[0] = coro::current_id();
      coro::Channel<int>().send(1);
    });
    coro::go([&ids] {
      ids[1] = coro::current_id();
      static_cast<void>(coro::Channel<int>().receive());
    });
    coro::go([&ids] {
      ids[2] = coro::current_id();
      group.wait();
    });
    coro::yield();
  });
  EXPECT_EQ(wait_for_state(ids[0], CORO_STATE_PARKED).reason, CORO_REASON_CHAN_SEND_NIL);
  EXPECT_EQ(wait_for_state(ids[1], CORO_STATE_PARKED).reason, CORO_REASON_CHAN_RECEIVE_NIL);
  const coro_header waiting = wait_for_state(ids[2], CORO_STATE_PARKED);
  EXPECT_EQ(waiting.reason, CORO_REASON_WAIT_GROUP_WAIT);
  EXPECT_EQ(waiting.object, reinterpret_cast<std::uint64_t>(&group));
  EXPECT_EQ(reinterpret_cast<const coro_object*>(waiting.object)->length, 1u);
  group.done();
}

#if !defined(CORO_NO_PROBES)
// With a probe's semaphore up, times are exact.
TEST(Lifecycle, TimesAreExactWhileObserved) {
  coro_park_semaphore = coro_park_semaphore + 1;
  coro_spawn_semaphore = coro_spawn_semaphore + 1;
  coro_unpark_semaphore = coro_unpark_semaphore + 1;
  coro_exit_semaphore = coro_exit_semaphore + 1;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    coro::Channel<int> channel(0);
    std::uint64_t id = 0;
    const std::uint64_t before = exact_now();
    spawn_subject(channel, id);
    const std::uint64_t spawned = exact_now();
    coro::yield();
    const std::uint64_t after = exact_now();
    const coro_header seen = read_header(*find_header(id)).value();
    EXPECT_GE(seen.spawned_ns, before);
    EXPECT_LE(seen.spawned_ns, spawned);
    EXPECT_GE(seen.since_ns, spawned);
    EXPECT_LE(seen.since_ns, after);
    channel.send(1);
  });
  scheduler.wait_empty();
  coro_park_semaphore = coro_park_semaphore - 1;
  coro_spawn_semaphore = coro_spawn_semaphore - 1;
  coro_unpark_semaphore = coro_unpark_semaphore - 1;
  coro_exit_semaphore = coro_exit_semaphore - 1;
}
#endif

TEST(Table, GivesOutDistinctHeadersAndTakesThemBack) {
  std::array<std::uint64_t, 2> directory{};
  std::uint32_t slabs = 0;
  coro::detail::Table table(directory, slabs, 32);
  std::vector<coro_header*> headers;
  for (int i = 0; i < 64; ++i) headers.push_back(&table.take());
  EXPECT_EQ(slabs, 2u);
  try {
    table.take();
    FAIL() << "a full table gave out a header";
  } catch (const std::length_error& error) {
    EXPECT_STREQ(error.what(),
                 "coro: more than 64 coroutines at once: the coroutine table is full");
  }
  table.give(*headers[7]);
  EXPECT_EQ(&table.take(), headers[7]);
  std::sort(headers.begin(), headers.end());
  EXPECT_EQ(std::unique(headers.begin(), headers.end()), headers.end());
  EXPECT_EQ(headers.front()->state, CORO_STATE_FREE);
}

TEST(Descriptor, IsComplete) {
  EXPECT_EQ(coro_descriptor.magic, CORO_ABI_MAGIC);
  EXPECT_EQ(coro_descriptor.size, sizeof(coro_descriptor));
  EXPECT_EQ(coro_descriptor.table_directory, reinterpret_cast<std::uint64_t>(coro_table_directory));
  EXPECT_EQ(coro_descriptor.counters, reinterpret_cast<std::uint64_t>(&coro_counters));
  EXPECT_NE(coro_descriptor.resume_pc, 0u);
}

TEST(ReasonName, IsGos) {
  EXPECT_EQ(coro::reason_name(CORO_REASON_CHAN_SEND), "chan send");
  EXPECT_EQ(coro::reason_name(CORO_REASON_SELECT_NO_CASES), "select (no cases)");
  EXPECT_EQ(coro::reason_name(CORO_REASON_NONE), "");
  EXPECT_EQ(coro::reason_name(999), "unknown");
}

}  // namespace
