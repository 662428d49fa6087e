// SPDX-License-Identifier: Apache-2.0
// Where a fiber waits, as it says itself to those who ask for it.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "coro/coro.h"
#include "parking.h"
#include "published.h"
#include "rings.h"

#if !defined(CORO_NO_PROBES)

// By the linker: where the two functions below begin and end.
extern "C" {
extern const char __start_parked_stack_inner[] __attribute__((visibility("hidden")));
extern const char __stop_parked_stack_inner[] __attribute__((visibility("hidden")));
extern const char __start_parked_stack_outer[] __attribute__((visibility("hidden")));
extern const char __stop_parked_stack_outer[] __attribute__((visibility("hidden")));
}

namespace {

using Numbers = coro::Channel<int>;

[[gnu::noinline, gnu::section("parked_stack_inner")]] void receive_one(Numbers& numbers) {
  static_cast<void>(numbers.receive());
  asm volatile("");  // so that the call above returns to here
}

[[gnu::noinline, gnu::section("parked_stack_outer")]] void receive_by_another(Numbers& numbers) {
  receive_one(numbers);
  asm volatile("");
}

bool in_inner(std::uint64_t pc) {
  return pc > reinterpret_cast<std::uint64_t>(__start_parked_stack_inner) &&
         pc <= reinterpret_cast<std::uint64_t>(__stop_parked_stack_inner);
}

bool in_outer(std::uint64_t pc) {
  return pc > reinterpret_cast<std::uint64_t>(__start_parked_stack_outer) &&
         pc <= reinterpret_cast<std::uint64_t>(__stop_parked_stack_outer);
}

// Starts a fiber that receives `count` times there, and returns once it waits.
coro_header go_receive(const Numbers& numbers, int count) {
  return go_until_parked([numbers = Numbers(numbers), count]() mutable {
    for (int i = 0; i < count; ++i) receive_by_another(numbers);
  });
}

// Those of a kind, of one coroutine, that are in rings.
std::vector<std::uint32_t> ids_told(std::uint64_t id, coro_event_kind kind) {
  std::vector<std::uint32_t> ids;
  const auto lives = lives_in_rings();
  for (const coro_event& one : lives.at(id)) {
    if (one.kind == kind) ids.push_back(one.parked_stack_id);
  }
  return ids;
}

using Ids = std::vector<std::uint32_t>;

TEST(ParkedStack, LeadsToWhereAFiberWaits) {
  const Attached attached;
  const AsksForParkedStacks asks;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  coro_header header{};
  scheduler.run([&] {
    Numbers numbers(0);
    header = go_receive(numbers, 1);
    numbers.send(1);
  });
  scheduler.wait_empty();
  while (scheduler.idle_workers() != 1) std::this_thread::yield();
  ASSERT_NE(header.parked_stack_id, 0u);
  EXPECT_NE(header.parked_stack_id, header.spawn_stack_id);
  const std::vector<std::uint64_t> frames = interned_frames(header.parked_stack_id);
  const auto inner = std::ranges::find_if(frames, in_inner);
  ASSERT_NE(inner, frames.end());
  EXPECT_LE(inner - frames.begin(), 4) << "the runtime's own";
  ASSERT_GE(frames.end() - inner, 3);
  EXPECT_TRUE(in_outer(inner[1]));
  EXPECT_EQ(std::ranges::count_if(frames, in_inner), 1);
  EXPECT_EQ(std::ranges::count(frames, 0u), 0);
  EXPECT_EQ(interned_stack(header.parked_stack_id).flags, 0u) << "to where the fiber begins";

  EXPECT_EQ(ids_told(header.id, CORO_EVENT_SPAWN), Ids{0});
  EXPECT_EQ(ids_told(header.id, CORO_EVENT_PARK), Ids{header.parked_stack_id});
  EXPECT_EQ(ids_told(header.id, CORO_EVENT_UNPARK), Ids{header.parked_stack_id});
  EXPECT_EQ(ids_told(header.id, CORO_EVENT_EXIT), Ids{0});
}

TEST(ParkedStack, IsOneForAllThatWaitAtOnePlace) {
  const Attached attached;
  const AsksForParkedStacks asks;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    Numbers numbers(0);
    std::vector<coro_header> headers;
    for (int i = 0; i < 3; ++i) headers.push_back(go_receive(numbers, 2));
    for (int i = 0; i < 3; ++i) numbers.send(i);
    for (int i = 0; i < 3; ++i) headers.push_back(yield_until_parked(headers[i].id));
    for (const coro_header& header : headers) {
      EXPECT_NE(header.parked_stack_id, 0u);
      EXPECT_EQ(header.parked_stack_id, headers.front().parked_stack_id);
    }
    for (int i = 0; i < 3; ++i) numbers.send(i);
  });
  scheduler.wait_empty();
}

TEST(ParkedStack, IsNoneOnceNobodyAsks) {
  const Attached attached;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  std::uint64_t id = 0;
  std::uint32_t stack_id = 0;
  scheduler.run([&] {
    Numbers numbers(0);
    {
      const AsksForParkedStacks asks;
      const coro_header header = go_receive(numbers, 2);
      id = header.id;
      stack_id = header.parked_stack_id;
      EXPECT_NE(stack_id, 0u);
    }
    numbers.send(1);
    EXPECT_EQ(yield_until_parked(id).parked_stack_id, 0u);
    numbers.send(2);
  });
  scheduler.wait_empty();
  while (scheduler.idle_workers() != 1) std::this_thread::yield();
  EXPECT_EQ(ids_told(id, CORO_EVENT_PARK), (Ids{stack_id, 0}));
  EXPECT_EQ(ids_told(id, CORO_EVENT_UNPARK), (Ids{stack_id, 0})) << "of the park that it ends";
}

TEST(ParkedStack, IsNoneOfAWaitThatNobodyWatches) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    Numbers numbers(0);
    std::uint64_t id = 0;
    {
      const Attached attached;
      const AsksForParkedStacks asks;
      const coro_header header = go_receive(numbers, 2);
      id = header.id;
      EXPECT_NE(header.parked_stack_id, 0u);
    }
    numbers.send(1);
    EXPECT_EQ(yield_until_parked(id).parked_stack_id, 0u);
    numbers.send(2);
  });
  scheduler.wait_empty();
}

TEST(ParkedStack, IsNoneWithoutEventsInBatches) {
  const AsksForParkedStacks asks;
  const Raised park(coro_park_semaphore);
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    Numbers numbers(0);
    EXPECT_EQ(go_receive(numbers, 1).parked_stack_id, 0u);
    numbers.send(1);
  });
  scheduler.wait_empty();
}

coro::Task<void> receive_in_task(Numbers numbers, std::uint64_t& id) {
  id = coro::current_id();
  static_cast<void>(co_await numbers.async_receive());
}

TEST(ParkedStack, IsNoneOfATask) {
  const Attached attached;
  const AsksForParkedStacks asks;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  std::uint64_t id = 0;
  scheduler.run([&] {
    Numbers numbers(0);
    coro::go(receive_in_task(Numbers(numbers), id));
    while (id == 0) coro::yield();
    EXPECT_EQ(yield_until_parked(id).parked_stack_id, 0u);
    numbers.send(1);
  });
  scheduler.wait_empty();
  while (scheduler.idle_workers() != 1) std::this_thread::yield();
  EXPECT_EQ(ids_told(id, CORO_EVENT_PARK), Ids{0});
  EXPECT_EQ(ids_told(id, CORO_EVENT_UNPARK), Ids{0});
}

}  // namespace
#endif
