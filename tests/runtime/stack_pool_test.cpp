// SPDX-License-Identifier: Apache-2.0
#include "stack_pool.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "coro/coro.h"

namespace {

using coro::detail::Fiber;
using coro::detail::Guard;
using coro::detail::StackPool;

TEST(StackPool, ReusesStacks) {
  StackPool pool(nullptr, 64 * 1024);
  std::set<Fiber*> seen;
  for (int round = 0; round < 100; ++round) {
    std::vector<Fiber*> fibers;
    for (int i = 0; i < 10; ++i) pool.take(fibers, 1);
    EXPECT_EQ(fibers.size(), 10u);
    seen.insert(fibers.begin(), fibers.end());
    pool.give(fibers);
  }
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_EQ(pool.created(), 10u);
}

TEST(StackPool, StacksAreUsableAndApart) {
  for (const Guard guard : {Guard::automatic, Guard::protect}) {
    StackPool pool(nullptr, 1, guard);  // rounded up
    EXPECT_GE(pool.stack_size(), 16384u);
    std::vector<Fiber*> fibers;
    for (int i = 0; i < 200; ++i) pool.take(fibers, 1);
    for (Fiber* fiber : fibers) {
      *fiber->stack_low = std::byte{1};
      *(fiber->stack_high - 1) = std::byte{1};
      EXPECT_GT(fiber->stack_high - fiber->stack_low, 8192);
    }
  }
}

#if !CORO_TSAN  // which maps shadow memory of its own
std::size_t mappings() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) ++count;
  return count;
}

// vm.max_map_count is 65530 by default: a mapping for each stack is the limit of
// a program. Markers (Linux 6.13) need none; guards by mprotect two a stack.
TEST(StackPool, GuardsNeedNoMoreMappingsThanTheirKindDoes) {
  StackPool pool(nullptr, 64 * 1024);
  const std::size_t each = pool.guard() == Guard::marker ? 0 : 2;
  const std::size_t before = mappings();
  std::vector<Fiber*> fibers;
  for (int i = 0; i < 6400; ++i) pool.take(fibers, 1);
  EXPECT_LE(mappings(), before + 6400 * each + 6400 / 64 + 20);
}
#endif

TEST(StackPool, CoroutinesGetPooledStacks) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  std::set<const void*> places;
  scheduler.run([&places] {
    for (int i = 0; i < 5000; ++i) {
      coro::WaitGroup group;
      group.add(1);
      coro::go([&] {
        places.insert(__builtin_frame_address(0));
        group.done();
      });
      group.wait();
    }
  });
  scheduler.wait_empty();
  EXPECT_LE(places.size(), 64u);
}

TEST(StackPool, ManyParkedCoroutines) {
#if CORO_TSAN
  const int count = 2000;  // ThreadSanitizer has room for 8128 fibers
#else
  // Before Linux 6.13 the mappings of guards are the limit (runtime/README.md).
  const bool markers = StackPool(nullptr, 64 * 1024).guard() == Guard::marker;
  const int count = markers ? 100'000 : 20'000;
#endif
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  coro::Channel<int> gate(0);
  scheduler.run([gate, count] {
    for (int i = 0; i < count; ++i) {
      coro::go([gate]() mutable { static_cast<void>(gate.receive()); });
    }
  });
  while (scheduler.idle_workers() != 2) std::this_thread::yield();
  EXPECT_EQ(scheduler.live(), static_cast<std::uint64_t>(count));
  gate.close();
  scheduler.wait_empty();
}

}  // namespace
