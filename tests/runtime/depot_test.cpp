// SPDX-License-Identifier: Apache-2.0
#include "depot.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <thread>
#include <vector>

namespace {

using coro::detail::Depot;
using coro::detail::StackBounds;
using coro::detail::WalkedStack;

WalkedStack stack_of(std::vector<std::uint64_t> frames, std::uint64_t hash) {
  WalkedStack stack;
  std::copy(frames.begin(), frames.end(), stack.frames);
  stack.depth = static_cast<std::uint32_t>(frames.size());
  stack.hash = hash;
  return stack;
}

// A depot with room for `2 * 4` stacks.
struct SmallDepot {
  std::array<std::uint64_t, 2> directory{};
  std::uint32_t entries = 0;
  std::uint64_t lost = 0;
  std::array<std::atomic<std::uint64_t>, 16> index{};
  Depot depot{{.directory = directory,
               .chunk_entries = 4,
               .entries = entries,
               .lost = lost,
               .index = index}};

  [[nodiscard]] const coro_stack_entry& entry(std::uint32_t id) const {
    return reinterpret_cast<const coro_stack_entry*>(directory[(id - 1) / 4])[(id - 1) % 4];
  }
};

TEST(Depot, InternsToDenseIds) {
  SmallDepot small;
  EXPECT_EQ(small.depot.intern(stack_of({1, 2, 3}, 77)), 1u);
  EXPECT_EQ(small.depot.intern(stack_of({1, 2}, 99)), 2u);
  EXPECT_EQ(small.depot.intern(stack_of({1, 2, 3}, 77)), 1u);
  EXPECT_EQ(small.entries, 2u);
  const coro_stack_entry& entry = small.entry(1);
  ASSERT_EQ(entry.depth, 3u);
  EXPECT_EQ(reinterpret_cast<const std::uint64_t*>(entry.frames)[2], 3u);
}

TEST(Depot, TellsApartStacksWithOneHash) {
  SmallDepot small;
  EXPECT_EQ(small.depot.intern(stack_of({1}, 5)), 1u);
  EXPECT_EQ(small.depot.intern(stack_of({2}, 5)), 2u);
  EXPECT_EQ(small.depot.intern(stack_of({2, 3}, 5)), 3u);
  EXPECT_EQ(small.depot.intern(stack_of({2}, 5)), 2u);
}

TEST(Depot, CountsWhatDoesNotFit) {
  SmallDepot small;
  for (std::uint64_t i = 1; i <= 8; ++i) EXPECT_EQ(small.depot.intern(stack_of({i}, i)), i);
  EXPECT_EQ(small.lost, 0u);
  EXPECT_EQ(small.depot.intern(stack_of({9}, 9)), 0u);
  EXPECT_EQ(small.depot.intern(stack_of({10}, 10)), 0u);
  EXPECT_EQ(small.lost, 2u);
  EXPECT_EQ(small.depot.intern(stack_of({4}, 4)), 4u);
  EXPECT_EQ(small.entries, 8u);
}

TEST(Depot, SaysWhoAddedAStack) {
  SmallDepot small;
  const Depot::Interned first = small.depot.find_or_add(stack_of({1, 2}, 5));
  EXPECT_EQ(first.id, 1u);
  EXPECT_EQ(first.added, &small.entry(1));
  EXPECT_EQ(small.depot.intern(stack_of({3}, 6)), 2u);
  for (const auto& again : {stack_of({1, 2}, 5), stack_of({3}, 6)}) {
    const Depot::Interned known = small.depot.find_or_add(again);
    EXPECT_EQ(known.id, again.depth == 2 ? 1u : 2u);
    EXPECT_EQ(known.added, nullptr);
  }
  for (std::uint64_t i = 3; i <= 8; ++i) small.depot.intern(stack_of({i, i}, i));
  const Depot::Interned lost = small.depot.find_or_add(stack_of({9}, 9));
  EXPECT_EQ(lost.id, 0u);
  EXPECT_EQ(lost.added, nullptr);
  EXPECT_EQ(small.lost, 0u) << "whoever adds it counts it";
}

TEST(Depot, ThreadsAgree) {
  SmallDepot small;
  std::vector<std::thread> threads;
  std::array<std::array<std::uint32_t, 9>, 4> ids{};
  for (auto& mine : ids) {
    threads.emplace_back([&mine, &small] {
      for (int round = 0; round < 2000; ++round) {
        for (std::uint64_t i = 1; i <= 8; ++i) mine[i] = small.depot.intern(stack_of({i}, i % 3));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : ids) EXPECT_EQ(mine, ids[0]);
  EXPECT_EQ(std::set<std::uint32_t>(ids[0].begin() + 1, ids[0].end()).size(), 8u);
}

// A made-up stack: chains of frame pointers in an array.
struct FakeStack {
  std::array<std::uintptr_t, 400> words{};
  [[nodiscard]] std::uintptr_t at(std::size_t i) const {
    return reinterpret_cast<std::uintptr_t>(&words[i]);
  }
  [[nodiscard]] WalkedStack walk() const {
    WalkedStack stack;
    coro::detail::walk_stack(words.data(), {at(0), at(0) + sizeof words}, stack);
    return stack;
  }
  void frame(std::size_t i, std::uintptr_t next, std::uintptr_t pc) {
    words[i] = next;
    words[i + 1] = pc;
  }
};

TEST(Walk, FollowsTheChain) {
  FakeStack fake;
  fake.frame(0, fake.at(10), 0x100);
  fake.frame(10, fake.at(20), 0x200);
  fake.frame(20, 0, 0x300);
  const WalkedStack stack = fake.walk();
  ASSERT_EQ(stack.depth, 3u);
  EXPECT_EQ(stack.frames[0], 0x100u);
  EXPECT_EQ(stack.frames[2], 0x300u);
  EXPECT_FALSE(stack.truncated);
}

TEST(Walk, StopsAtWhatIsNoFrame) {
  FakeStack fake;
  const std::uintptr_t outside[] = {8,
                                    0xffffffffffffff00u,
                                    fake.at(0) + sizeof fake.words - 8,
                                    fake.at(0) - 16,
                                    fake.at(20) + 4,
                                    fake.at(0)};
  for (const std::uintptr_t next : outside) {
    fake.frame(0, next, 0x100);
    EXPECT_EQ(fake.walk().depth, 1u) << std::hex << next;
  }
  fake.frame(0, fake.at(10), 0x100);
  fake.frame(10, fake.at(0), 0x200);  // back down: a cycle
  EXPECT_EQ(fake.walk().depth, 2u);
}

TEST(Walk, IsBoundedInDepth) {
  FakeStack fake;
  for (std::size_t i = 0; i < 398; i += 2) fake.frame(i, fake.at(i + 2), i + 1);
  const WalkedStack stack = fake.walk();
  EXPECT_EQ(stack.depth, WalkedStack::max_depth);
  EXPECT_TRUE(stack.truncated);
}

TEST(Walk, KnowsTheThreadsStack) {
  const StackBounds bounds = coro::detail::thread_stack_bounds();
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  EXPECT_GT(here, bounds.low);
  EXPECT_LT(here, bounds.high);
}

}  // namespace
