// SPDX-License-Identifier: Apache-2.0
// Events in batches, as an observer finds them in memory.
#include "event_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "clock.h"
#include "coro/coro.h"
#include "published.h"
#include "rings.h"

#if !defined(CORO_NO_PROBES)
namespace {

using coro::detail::EventRing;

coro_event event(std::uint64_t id, std::uint64_t time_ns) {
  return {.id = id,
          .stack_id = 0,
          .sequence = 0,
          .kind = CORO_EVENT_PARK,
          .reason = 0,
          .parked_stack_id = 0,
          .other = 0,
          .value = 0,
          .time_ns = time_ns};
}

void add(EventRing& ring, const coro_event& event) {
  ring.next() = event;
  ring.add(event.time_ns);
}

// By so much may what a worker's clock tells be off (PROBES.md).
constexpr std::uint64_t off_ns = 100'000;

TEST(EventRing, IsFlushedWhenABatchIsFull) {
  coro_worker published{};
  const auto ring = std::make_unique<EventRing>(published);
  EXPECT_NE(published.number, 0u);
  for (std::uint64_t i = 1; i < EventRing::batch; ++i) add(*ring, event(i, 5));
  EXPECT_EQ(published.events_written, EventRing::batch - 1);
  EXPECT_EQ(published.events_flushed, 0u);
  EXPECT_TRUE(ring->waiting());
  add(*ring, event(EventRing::batch, 5));
  EXPECT_EQ(published.events_flushed, EventRing::batch);
  EXPECT_FALSE(ring->waiting());
}

TEST(EventRing, IsFlushedWhenTheOldestWaitsForTooLong) {
  coro_worker published{};
  const auto ring = std::make_unique<EventRing>(published);
  const std::uint64_t begin = 1'000'000'000;
  add(*ring, event(1, begin));
  add(*ring, event(2, begin + EventRing::longest_wait_ns - 1));
  EXPECT_EQ(published.events_flushed, 0u);
  add(*ring, event(3, begin + EventRing::longest_wait_ns));
  EXPECT_EQ(published.events_flushed, 3u);
  add(*ring, event(4, begin + EventRing::longest_wait_ns + 1));
  EXPECT_EQ(published.events_flushed, 3u) << "the time begins anew";
  ring->flush_old();  // it is old by the clock
  EXPECT_EQ(published.events_flushed, 4u);
}

TEST(EventRing, WhatWasFlushedStaysUntilItIsOverwritten) {
  coro_worker published{};
  const auto ring = std::make_unique<EventRing>(published);
  const std::uint64_t capacity = coro_descriptor.event_capacity;
  const std::uint64_t count = 3 * capacity + 7;
  for (std::uint64_t i = 0; i < count; ++i) {
    add(*ring, event(i, 5));
    if (i % 100 == 0) ring->flush();  // so that batches end everywhere
  }
  ring->flush();
  EXPECT_EQ(published.events_written, count);
  EXPECT_EQ(published.events_flushed, count);
  const auto* events = reinterpret_cast<const coro_event*>(published.events);
  for (std::uint64_t n = count - capacity; n < count; ++n) {
    EXPECT_EQ(events[n % capacity].id, n);
  }
}

// By id and in the order of the header's sequence: spawn, park, unpark, exit.
TEST(Events, EachCoroutineTellsItsLifeInOrder) {
  const Attached attached;
  for (const unsigned workers : {1u, 2u, 8u}) {
    coro::Scheduler scheduler({.workers = workers, .require_empty = true});
    const std::uint64_t begin = coro::detail::exact_now();
    const int count = 20;
    scheduler.run([] {
      const coro::Channel<int> channel(0);
      for (int i = 0; i < count; ++i) {
        coro::go([channel = coro::Channel<int>(channel)]() mutable {
          static_cast<void>(channel.receive());
        });
      }
      coro::Channel<int> sender = channel;
      for (int i = 0; i < count; ++i) sender.send(i);
    });
    scheduler.wait_empty();
    while (scheduler.idle_workers() != workers) std::this_thread::yield();
    const auto lives = lives_in_rings();
    std::uint64_t spawned = 0;
    for (const auto& [id, life] : lives) {
      const bool has_spawn = life.front().kind == CORO_EVENT_SPAWN;
      spawned += has_spawn;
      std::uint16_t expected = has_spawn ? CORO_EVENT_SPAWN : CORO_EVENT_PARK;
      std::uint64_t parked_at = 0;
      for (const coro_event& one : life) {
        EXPECT_EQ(one.stack_id, life.front().stack_id) << id;
        EXPECT_TRUE(one.kind == expected || (expected == CORO_EVENT_PARK && &one == &life.back() &&
                                             one.kind == CORO_EVENT_EXIT))
            << id << ": " << one.kind;
        if (one.kind == CORO_EVENT_PARK) {
          EXPECT_NE(one.reason, 0);
          EXPECT_GE(one.value + off_ns, begin);
          parked_at = one.value;
        }
        if (one.kind == CORO_EVENT_UNPARK) {
          EXPECT_LE(parked_at + one.value, coro::detail::exact_now() + off_ns);
        }
        expected = one.kind == CORO_EVENT_PARK ? CORO_EVENT_UNPARK : CORO_EVENT_PARK;
      }
      EXPECT_EQ(life.back().kind, CORO_EVENT_EXIT) << id;
    }
    EXPECT_EQ(spawned, static_cast<std::uint64_t>(count));
    EXPECT_EQ(lives.size(), count + 1u) << "the first was started by a thread without a ring";
  }
}

std::uint64_t time_of(const coro_event& event) {
  return event.time_ns;
}

TEST(Events, TimesDoNotGoBack) {
  const Attached attached;
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  const std::uint64_t begin = coro::detail::exact_now();
  scheduler.run([] {
    const coro::Channel<int> channel(0);
    for (int i = 0; i < 20; ++i) {
      coro::go([channel = coro::Channel<int>(channel)]() mutable { channel.send(1); });
    }
    coro::Channel<int> receiver = channel;
    for (int i = 0; i < 20; ++i) static_cast<void>(receiver.receive());
  });
  scheduler.wait_empty();
  while (scheduler.idle_workers() != 2) std::this_thread::yield();
  const std::uint64_t end = coro::detail::exact_now();
  for (const auto& ring : rings()) {
    EXPECT_TRUE(std::ranges::is_sorted(ring, {}, time_of));
  }
  for (const auto& [id, life] : lives_in_rings()) {
    EXPECT_TRUE(std::ranges::is_sorted(life, {}, time_of)) << id;
    EXPECT_GE(life.front().time_ns + off_ns, begin) << id;
    EXPECT_LE(life.back().time_ns, end + off_ns) << id;
    const bool has_spawn = life.front().kind == CORO_EVENT_SPAWN;
    std::uint64_t parked_at = 0;
    for (const coro_event& one : life) {
      if (one.kind == CORO_EVENT_PARK) {
        parked_at = one.time_ns;
        EXPECT_EQ(one.value, parked_at) << id;
      }
      if (one.kind == CORO_EVENT_UNPARK) {
        EXPECT_EQ(one.value, one.time_ns - parked_at) << id;
      }
      if (one.kind == CORO_EVENT_EXIT && has_spawn) {
        EXPECT_EQ(one.value, one.time_ns - life.front().time_ns) << id;
      }
    }
  }
}

// A store takes a moment to leave its processor; so long says PROBES.md that it may take.
constexpr std::uint64_t visible_after_ns = 250'000;

// What a table showed of a coroutine to one who had waited for so long after a time.
struct Seen {
  std::uint64_t time_ns;
  std::uint64_t id;
  std::uint32_t sequence;
};

std::vector<Seen> look_until(const std::atomic<bool>& done,
                             const std::vector<coro_header*>& headers, std::atomic<bool>& began) {
  std::vector<Seen> seen;
  while (!done) {
    for (coro_header* header : headers) {
      const std::uint64_t then = coro::detail::exact_now() - visible_after_ns;
      if (const auto copy = read_header(*header)) seen.push_back({then, copy->id, copy->sequence});
    }
    began = true;
  }
  return seen;
}

void play(coro::Channel<int> balls, coro::Channel<int> back, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    balls.send(i);
    static_cast<void>(back.receive());
  }
}

TEST(Events, ATableReadLaterThanATimeShowsAllOfBefore) {
  const Attached attached;
  for (int round = 0; round < 20; ++round) {
    coro::Scheduler scheduler({.workers = 1, .require_empty = true});
    std::atomic<std::uint64_t> other{0};
    std::atomic<bool> began{false};
    std::atomic<bool> done{false};
    std::vector<Seen> seen;
    std::thread reader([&] {
      while (other == 0) std::this_thread::yield();
      seen = look_until(done, {find_header(other)}, began);
    });
    scheduler.run([&] {
      const coro::Channel<int> there(0), back(0);
      coro::go([&, there = there, back = back]() mutable {
        other = coro::current_id();
        while (!began) std::this_thread::yield();
        for (int i = 0; i < 50; ++i) back.send(there.receive().value());
      });
      play(there, back, 50);
    });
    scheduler.wait_empty();
    done = true;
    reader.join();
    while (scheduler.idle_workers() != 1) std::this_thread::yield();
    const auto lives = lives_in_rings();
    for (const Seen& one : seen) {
      if (one.id != other) continue;
      const auto& life = lives.at(one.id);
      const auto later = std::ranges::upper_bound(life, one.time_ns, {}, time_of);
      if (later == life.begin()) continue;
      EXPECT_LE(std::prev(later)->sequence, one.sequence);
    }
  }
}

TEST(Events, AWorkerThatGoesIdleHasHandedThemOver) {
  const Attached attached;
  coro::Scheduler scheduler({.workers = 2});
  const auto* schedulers = reinterpret_cast<const coro_scheduler*>(coro_descriptor.schedulers);
  scheduler.run([] {
    coro::WaitGroup group;
    group.add(10);
    for (int i = 0; i < 10; ++i) coro::go([&group] { group.done(); });
    group.wait();
  });
  while (scheduler.idle_workers() != 2) std::this_thread::yield();
  std::uint64_t written = 0;
  for (std::uint32_t i = 0; i < coro_descriptor.scheduler_capacity; ++i) {
    if (schedulers[i].id == 0) continue;
    for (std::uint32_t w = 0; w < schedulers[i].worker_count; ++w) {
      const coro_worker& worker = worker_of(schedulers[i], w);
      EXPECT_EQ(worker.events_written, worker.events_flushed);
      written += worker.events_written;
    }
  }
  EXPECT_GE(written, 20u);
}

TEST(Events, NobodyAttachedNothingWritten) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run([] { coro::go([] {}); });
  while (scheduler.idle_workers() != 1) std::this_thread::yield();
  EXPECT_TRUE(events_in_rings().empty());
}

}  // namespace
#endif
