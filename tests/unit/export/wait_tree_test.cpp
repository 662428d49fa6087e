// SPDX-License-Identifier: Apache-2.0
#include "export/wait_tree.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace coroscope {
namespace {

constexpr uint64_t second = 1'000'000'000;

// 1 runs and has what 2 waits for; 3 and 4 wait for each other; 5 for one that is not there.
Dump five() {
  Dump dump;
  dump.pid = 4711;
  dump.command = "bank";
  dump.runtime = "coro 1.1";
  dump.workers = 2;
  dump.census_ns = 3'400'000;
  dump.reasons = {{1, "sync.Mutex.Lock"}};
  dump.parked_stacks[2].frames = {{"coro::Mutex::lock", "/rt/mutex.h", 9, 0x10, false, true},
                                  {"transfer", "/src/bank.cpp", 57, 0x20}};
  dump.spawn_stacks[1].frames = {{"start", "/src/main.cpp", 20, 0x40}};
  for (uint64_t id = 1; id <= 7; ++id) {
    DumpRecord record;
    record.id = id;
    record.spawn_stack = 1;
    record.activity = id == 1 ? Activity::running : Activity::parked;
    if (id != 1) {
      record.wait_ns = id * second;
      record.object = 0xa0 + id;
      record.reason = 1;
      record.parked_stack = 2;
    }
    dump.records.push_back(record);
  }
  dump.records[6].activity = Activity::runnable;
  return dump;
}

WaitTree tree_of(const Dump& dump) {
  return build_wait_tree(dump, {{2, 1}, {3, 4}, {4, 3}, {5, 99}});
}

std::string written(WaitTreeEncoder& encoder, const WaitTreePage& page) {
  std::string text = encoder.begin(page);
  for (const WaitTree::Line& line : page.tree.lines) {
    DumpDetail names;
    if (line.id == 2) names.name = "payer";
    text += encoder.line(page, line, names);
  }
  return text + encoder.end(page, 0);
}

TEST(TextWaitTree, ShowsWhoWaitsBelowWhomTheyWaitFor) {
  const Dump dump = five();
  const WaitTree tree = tree_of(dump);
  EXPECT_EQ(written(*text_wait_tree(), {.dump = dump, .tree = tree, .roots_shown = 2, .moved = 1}),
            "pid 4711  bank  (coro 1.1, 2 workers)  7 coroutines\n"
            "\n"
            "coroutine 1 [running]  spawned at start  main.cpp:20\n"
            "  coroutine 2 \"payer\" [sync.Mutex.Lock, 2.0 s]  transfer  bank.cpp:57\n"
            "\n"
            "coroutine 99 [not alive any more, or not read]\n"
            "  coroutine 5 [sync.Mutex.Lock, 5.0 s]  transfer  bank.cpp:57\n"
            "\n"
            "coroutine 3 [sync.Mutex.Lock, 3.0 s]  transfer  bank.cpp:57\n"
            "  coroutine 4 [sync.Mutex.Lock, 4.0 s]  transfer  bank.cpp:57\n"
            "    cycle: coroutine 3 waits for itself through 4\n"
            "\n"
            "and 1 further tree, beyond --limit\n"
            "5 coroutines in 3 trees, 1 cycle\n"
            "1 other waits for nothing that names a coroutine\n"
            "1 other does not wait\n"
            "note  1 wait changed while being read: left out\n"
            "completeness 100%  (7 coroutines, read in 3.4 ms)\n");
}

TEST(TextWaitTree, ALongChainDoesNotGrowWideWithoutEnd) {
  Dump dump;
  WaitTree tree;
  tree.roots.push_back({});
  tree.lines.push_back({17, WaitTree::no_record, 999'999, {}, 0});
  const WaitTreePage page{.dump = dump, .tree = tree, .roots_shown = 1};
  const std::string text = text_wait_tree()->line(page, tree.lines[0], {});
  EXPECT_LT(text.size(), 200u);
  EXPECT_NE(text.find("  (999999 deep) coroutine 17 "), std::string::npos) << text;
}

// Of a million that wait for one lock, a few lines say all.
TEST(TextWaitTree, ThoseAlikeAreCounted) {
  Dump dump = five();
  for (uint64_t id = 8; id <= 40; ++id) {
    dump.records.push_back(dump.records[1]);
    dump.records.back().id = id;
    if (id > 30) dump.records.back().parked_stack = unread_parked_stack;
  }
  std::vector<WaitEdge> edges = {{3, 20}};
  for (uint64_t id = 8; id <= 40; ++id) edges.push_back({id, 1});
  const WaitTree tree = build_wait_tree(dump, edges);
  const std::string text =
      written(*text_wait_tree(), {.dump = dump, .tree = tree, .roots_shown = 1});
  const auto at = [&text](const std::string& what) { return text.find(what); };
  EXPECT_NE(at("\n  coroutine 12 [sync.Mutex.Lock, 2.0 s]  transfer  bank.cpp:57\n"
               "  and 7 more like it\n"
               "  coroutine 20 [sync.Mutex.Lock, 2.0 s]  transfer  bank.cpp:57\n"
               "    coroutine 3 [sync.Mutex.Lock, 3.0 s]  transfer  bank.cpp:57\n"
               "  coroutine 21 "),
            std::string::npos)
      << text;
  EXPECT_NE(at("\n  and 5 more like it\n  coroutine 31 "), std::string::npos) << text;
  EXPECT_NE(at("\n  coroutine 35 [sync.Mutex.Lock, 2.0 s]  spawned at start  main.cpp:20\n"
               "  and 5 more like it\n\n"),
            std::string::npos)
      << text;
}

TEST(TextWaitTree, CyclesSayThroughWhom) {
  Dump dump;
  WaitTree tree;
  tree.cycles = {{7, {}, 0}, {8, {9, 10}, 990}};
  const WaitTreePage page{.dump = dump, .tree = tree};
  const auto line = [&](uint32_t cycle) {
    return text_wait_tree()->line(page, {7, 0, 1, WaitTree::Kind::cycle, cycle}, {});
  };
  EXPECT_EQ(line(0), "  cycle: coroutine 7 waits for itself\n");
  EXPECT_EQ(line(1), "  cycle: coroutine 8 waits for itself through 9, 10 and 990 more\n");
}

TEST(JsonWaitTree, NamesWhomEachWaitsFor) {
  const Dump dump = five();
  const WaitTree tree = tree_of(dump);
  std::vector<nlohmann::json> lines;
  std::istringstream in(
      written(*json_wait_tree(), {.dump = dump, .tree = tree, .roots_shown = 3, .moved = 0}));
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 9u);
  EXPECT_EQ(lines[0]["type"], "tree");
  EXPECT_EQ(lines[0]["in_trees"], 5);
  EXPECT_EQ(lines[0]["cycles"], 1);
  EXPECT_EQ(lines[0]["others_waiting"], 1);
  EXPECT_EQ(lines[0]["others"], 1);
  EXPECT_EQ(lines[1]["state"], "running");
  EXPECT_FALSE(lines[1].contains("parked_at"));
  EXPECT_EQ(lines[1]["spawned_at"]["function"], "start");
  EXPECT_FALSE(lines[1].contains("waits_for"));
  EXPECT_FALSE(lines[1].contains("reason"));
  EXPECT_EQ(lines[2]["waits_for"], 1);
  EXPECT_EQ(lines[2]["name"], "payer");
  EXPECT_EQ(lines[2]["reason"], "sync.Mutex.Lock");
  EXPECT_EQ(lines[2]["wait_s"], 2.0);
  EXPECT_EQ(lines[2]["parked_at"]["function"], "transfer");
  EXPECT_EQ(lines[3]["present"], false);
  EXPECT_EQ(lines[7]["waits_for"], 4);
  EXPECT_EQ(lines[7]["cycle"]["through"], nlohmann::json({4}));
  EXPECT_FALSE(lines[7].contains("state")) << "it is told above";
  EXPECT_EQ(lines[8]["type"], "end");
  EXPECT_EQ(lines[8]["trees_shown"], 3);
}

}  // namespace
}  // namespace coroscope
