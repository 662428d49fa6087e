// SPDX-License-Identifier: Apache-2.0
#include "model/wait_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace coroscope {
namespace {

using Kind = WaitTree::Kind;

// Coroutines 1 to `count`, all of which wait: the higher the id, the longer.
Dump waiting(uint64_t count) {
  Dump dump;
  for (uint64_t id = 1; id <= count; ++id) {
    DumpRecord record;
    record.id = id;
    record.wait_ns = id;
    record.activity = Activity::parked;
    dump.records.push_back(record);
  }
  return dump;
}

// "1 .2 ..3", with "*" for one that is told elsewhere, "!" for a cycle, "?" for one that is not
// there.
std::string drawn(const WaitTree& tree) {
  std::string text;
  for (const WaitTree::Root& root : tree.roots) {
    for (size_t i = root.line; i < tree.lines.size(); ++i) {
      const WaitTree::Line& line = tree.lines[i];
      if (i > root.line && line.depth == 0) break;
      if (!text.empty()) text += ' ';
      text += std::string(line.depth, '.') + std::to_string(line.id);
      if (line.kind != Kind::coroutine) text += line.kind == Kind::again ? '*' : '!';
      if (line.record == WaitTree::no_record) text += '?';
    }
  }
  return text;
}

std::string drawn(const Dump& dump, std::vector<WaitEdge> edges) {
  return drawn(build_wait_tree(dump, std::move(edges)));
}

TEST(WaitTree, OfNothingIsNothing) {
  const WaitTree tree = build_wait_tree(waiting(3), {});
  EXPECT_TRUE(tree.roots.empty());
  EXPECT_EQ(tree.others_waiting, 3u);
  EXPECT_EQ(build_wait_tree({}, {}).others, 0u);
}

TEST(WaitTree, WhoIsWaitedForIsAbove) {
  EXPECT_EQ(drawn(waiting(4), {{4, 2}, {2, 1}, {3, 1}}), "1 .3 .2 ..4") << "longest wait first";
}

TEST(WaitTree, TheLargestTreeIsTheFirst) {
  EXPECT_EQ(drawn(waiting(5), {{2, 1}, {4, 3}, {5, 3}}), "3 .5 .4 1 .2");
}

TEST(WaitTree, CountsWhoIsInNone) {
  Dump dump = waiting(5);
  dump.records[0].activity = Activity::running;  // holds what 2 waits for
  dump.records[4].activity = Activity::runnable;
  const WaitTree tree = build_wait_tree(dump, {{2, 1}});
  EXPECT_EQ(tree.coroutines, 2u);
  EXPECT_EQ(tree.others_waiting, 2u);
  EXPECT_EQ(tree.others, 1u);
  EXPECT_EQ(tree.roots[0].waiting, 1u);
}

TEST(WaitTree, WhoIsNotInTheDumpIsStillWaitedFor) {
  const WaitTree tree = build_wait_tree(waiting(2), {{2, 99}, {1, 2}});
  EXPECT_EQ(drawn(tree), "99? .2 ..1");
  EXPECT_EQ(tree.coroutines, 2u);
}

TEST(WaitTree, ADiamondIsToldOnce) {
  const WaitTree tree = build_wait_tree(waiting(5), {{4, 2}, {4, 3}, {3, 1}, {2, 1}, {5, 4}});
  EXPECT_EQ(drawn(tree), "1 .3 ..4 ...5 .2 ..4*");
  EXPECT_EQ(tree.roots[0].waiting, 4u);
  EXPECT_TRUE(tree.cycles.empty());
}

TEST(WaitTree, EdgesThatAreThereTwiceOrNameNobodyDoNotCount) {
  EXPECT_EQ(drawn(waiting(2), {{2, 1}, {2, 1}, {0, 1}, {1, 0}}), "1 .2");
}

TEST(WaitTree, ACycleIsToldFromItsLowestId) {
  const WaitTree tree = build_wait_tree(waiting(5), {{2, 3}, {3, 4}, {4, 2}, {5, 3}});
  EXPECT_EQ(drawn(tree), "2 .4 ..3 ...5 ...2!");
  ASSERT_EQ(tree.cycles.size(), 1u);
  EXPECT_EQ(tree.cycles[0].id, 2u);
  EXPECT_EQ(tree.cycles[0].through, (std::vector<uint64_t>{3, 4})) << "2 waits for 3, 3 for 4";
  EXPECT_EQ(tree.cycles[0].more, 0u);
  EXPECT_EQ(tree.roots[0].cycles, 1u);
}

TEST(WaitTree, WhoWaitsForItselfIsACycle) {
  const WaitTree tree = build_wait_tree(waiting(3), {{2, 2}, {3, 2}});
  EXPECT_EQ(drawn(tree), "2 .3 .2!");
  EXPECT_TRUE(tree.cycles.at(0).through.empty());
}

TEST(WaitTree, CyclesComeFirst) {
  const WaitTree tree =
      build_wait_tree(waiting(9), {{2, 1}, {3, 1}, {4, 1}, {5, 6}, {6, 5}, {8, 7}, {7, 8}, {9, 8}});
  EXPECT_EQ(drawn(tree), "7 .8 ..9 ..7! 5 .6 ..5! 1 .4 .3 .2");
  EXPECT_EQ(tree.cycles.size(), 2u);
}

TEST(WaitTree, ALongCycleNamesSomeOfItsMembers) {
  std::vector<WaitEdge> edges;
  for (uint64_t id = 1; id <= 100; ++id) edges.push_back({id, id % 100 + 1});
  const WaitTree tree = build_wait_tree(waiting(100), edges);
  ASSERT_EQ(tree.cycles.size(), 1u);
  EXPECT_EQ(tree.cycles[0].through.front(), 2u);
  EXPECT_LT(tree.cycles[0].through.size(), 20u);
  EXPECT_EQ(tree.cycles[0].through.size() + tree.cycles[0].more, 99u);
}

// Neither the stack nor the time may depend on the shape.
TEST(WaitTree, AVeryLongChainIsOneTree) {
  constexpr uint64_t length = 200'000;  // recursion would need more than a stack
  std::vector<WaitEdge> edges;
  for (uint64_t id = 2; id <= length; ++id) edges.push_back({id, id - 1});
  const Dump dump = waiting(length);
  WaitTree tree = build_wait_tree(dump, edges);
  ASSERT_EQ(tree.roots.size(), 1u);
  EXPECT_EQ(tree.lines.size(), length);
  EXPECT_EQ(tree.lines.back().depth, length - 1);
  EXPECT_TRUE(cyclic_edges(edges).empty());

  edges.push_back({1, length});
  tree = build_wait_tree(dump, edges);
  EXPECT_EQ(tree.cycles.size(), 1u);
  EXPECT_EQ(tree.lines.size(), length + 1);
  EXPECT_EQ(cyclic_edges(edges).size(), length);
}

TEST(WaitTree, ManyThatWaitForEachOtherInPairs) {
  constexpr uint64_t pairs = 100'000;
  std::vector<WaitEdge> edges;
  for (uint64_t id = 1; id <= 2 * pairs; id += 2) {
    edges.push_back({id, id + 1});
    edges.push_back({id + 1, id});
  }
  EXPECT_EQ(build_wait_tree(waiting(2 * pairs), edges).cycles.size(), pairs);
}

// Each closes a cycle as long as the path to it.
TEST(WaitTree, ManyLongCyclesInOneTree) {
  constexpr uint64_t length = 200'000;
  std::vector<WaitEdge> edges;
  for (uint64_t id = 2; id <= length; ++id) {
    edges.push_back({id, id - 1});
    edges.push_back({1, id});
  }
  EXPECT_EQ(build_wait_tree(waiting(length), edges).cycles.size(), length - 1);
}

// Of any graph: everybody is told once, cycles are where they are, and nowhere else.
TEST(WaitTree, AnyGraphIsToldWhole) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 300; ++round) {
    const uint64_t count = 1 + random() % 8;
    std::vector<WaitEdge> edges;
    for (uint64_t i = random() % 20; i > 0; --i) {
      edges.push_back({1 + random() % count, 1 + random() % count});
    }
    const Dump dump = waiting(count);
    const WaitTree tree = build_wait_tree(dump, edges);
    std::vector<uint64_t> told;
    uint64_t below = 0;
    for (const WaitTree::Line& line : tree.lines) {
      if (line.kind == Kind::coroutine) told.push_back(line.id);
      below += line.depth > 0;
    }
    for (const WaitTree::Cycle& cycle : tree.cycles) {
      uint64_t from = cycle.id;
      for (const uint64_t to : cycle.through) {
        EXPECT_TRUE(std::find(edges.begin(), edges.end(), WaitEdge{from, to}) != edges.end());
        from = to;
      }
      EXPECT_TRUE(std::find(edges.begin(), edges.end(), WaitEdge{from, cycle.id}) != edges.end());
    }
    EXPECT_EQ(tree.cycles.empty(), cyclic_edges(edges).empty());
    std::sort(told.begin(), told.end());
    EXPECT_TRUE(std::adjacent_find(told.begin(), told.end()) == told.end());
    EXPECT_EQ(told.size(), tree.coroutines);
    EXPECT_EQ(tree.coroutines + tree.others_waiting, count);
    const auto different = [&edges] {
      std::vector<std::pair<uint64_t, uint64_t>> pairs;
      for (const WaitEdge& edge : edges) pairs.emplace_back(edge.waiter, edge.awaited);
      std::sort(pairs.begin(), pairs.end());
      return std::unique(pairs.begin(), pairs.end()) - pairs.begin();
    };
    EXPECT_EQ(below, static_cast<uint64_t>(different())) << "each edge is one line";
  }
}

TEST(CyclicEdges, AreThoseThatMayBePartOfACycle) {
  const std::vector<WaitEdge> edges = {{2, 1}, {3, 4}, {4, 3}, {5, 4}, {3, 2}, {6, 6}};
  EXPECT_EQ(cyclic_edges(edges), (std::vector<WaitEdge>{{3, 4}, {4, 3}, {6, 6}}));
}

}  // namespace
}  // namespace coroscope
