// SPDX-License-Identifier: Apache-2.0
// coroscope dump --tree on targets whose waits are known.
#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <regex>

#include "child.h"
#include "json_lines.h"
#include "table.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

Outcome tree(const Child& target, std::vector<std::string> options = {},
             const Child::Options& how = {}) {
  options.insert(options.begin(), {"dump", std::to_string(target.pid()), "--tree"});
  return run(coroscope(std::move(options)), how);
}

// The first line is `tree`, then the nodes.
std::vector<json> json_tree(const Child& target, std::vector<std::string> options = {}) {
  options.insert(options.end(), {"--format", "json"});
  const Outcome outcome = tree(target, std::move(options));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  auto lines = lines_of(outcome.output);
  EXPECT_GE(lines.size(), 2u);
  EXPECT_EQ(lines.front()["type"], "tree");
  EXPECT_EQ(lines.back()["type"], "end");
  EXPECT_EQ(lines.front()["completeness"], 1.0);
  lines.pop_back();
  return lines;
}

// A program of the gallery, once it is under way.
struct GalleryProgram {
  GalleryProgram(const std::string& name, const std::string& form, const std::string& rate)
      : child({std::string(GALLERY_PROGRAMS "/") + name, form, "--rate", rate}) {
    EXPECT_EQ(child.read_line(), "ready pid " + std::to_string(child.pid()));
  }
  Child child;
};

// Dumps until there is `what` in the first line, `least` or more.
std::vector<json> tree_with(const Child& target, const char* what, uint64_t least) {
  for (;;) {
    auto lines = json_tree(target);
    if (lines[0][what] >= least || ::testing::Test::HasFailure()) return lines;
  }
}

// "coroutine 7 [sync.Mutex.Lock, held by coroutine 5, 0 ms]:", as the target tells of itself.
std::map<uint64_t, uint64_t> waits_told_by(Child& target) {
  static const std::regex held(
      "coroutine (\\d+)(?: \".*\")? \\[[^\\]]*(?:held by| of) coroutine (\\d+),.*");
  std::map<uint64_t, uint64_t> told;
  target.write_line("dump");
  for (auto line = target.read_line(); line && *line != "end"; line = target.read_line()) {
    std::smatch found;
    if (std::regex_match(*line, found, held)) told[std::stoull(found[1])] = std::stoull(found[2]);
  }
  return told;
}

TEST(DumpTree, NamesWhomTheTargetNames) {
  Child target({program("waiting")});
  ASSERT_EQ(target.read_line(), "ready");
  const auto told = waits_told_by(target);
  ASSERT_EQ(told.size(), 3u) << "two for locks, one for a child";
  const auto lines = json_tree(target);
  EXPECT_EQ(lines[0]["live"], 12);
  EXPECT_EQ(lines[0]["trees"], 2);
  EXPECT_EQ(lines[0]["in_trees"], 5);
  EXPECT_EQ(lines[0]["others_waiting"], 7);
  EXPECT_EQ(lines[0]["others"], 0);
  EXPECT_EQ(lines[0]["cycles"], 0);
  std::map<uint64_t, uint64_t> seen;
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].contains("waits_for")) seen[lines[i]["id"]] = lines[i]["waits_for"];
  }
  EXPECT_EQ(seen, told);
}

TEST(DumpTree, TheTextNamesThemInTheirOrder) {
  Child target({program("waiting")});
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = tree(target);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const std::regex whole(
      "pid \\d+  \\S*waiting  \\(coro [0-9.]+, 2 workers\\)  12 coroutines\n"
      "\n"
      "coroutine \\d+ \\[sleep, .*\\]  hold_the_lock  waiting.cpp:\\d+\n"
      "  coroutine \\d+ \\[sync.*Lock, .*\\]  hold_the_lock::\\{lambda\\}  waiting.cpp:\\d+\n"
      "  coroutine \\d+ \\[sync.*Lock, .*\\]  hold_the_lock::\\{lambda\\}  waiting.cpp:\\d+\n"
      "\n"
      "coroutine \\d+ \"child\" \\[chan receive, .*\\]  receive_order  waiting.cpp:\\d+\n"
      "  coroutine \\d+ \\[coroutine join, .*\\]  wait_for_child  waiting.cpp:\\d+\n"
      "\n"
      "5 coroutines in 2 trees, 0 cycles\n"
      "7 others wait for nothing that names a coroutine\n"
      "completeness 100%  \\(12 coroutines, read in .*\\)\n");
  EXPECT_TRUE(std::regex_match(outcome.output, whole)) << outcome.output;
  const Outcome one = tree(target, {"--limit", "1"});
  EXPECT_NE(one.output.find("\nand 1 further tree, beyond --limit\n"), std::string::npos)
      << one.output;
}

TEST(DumpTree, TwoThatLockInTwoOrdersAreACycle) {
  GalleryProgram deadlocks("lock_order", "--leak", "50");
  const auto lines = tree_with(deadlocks.child, "cycles", 3);
  const uint64_t cycles = lines[0]["cycles"];
  EXPECT_EQ(lines[0]["in_trees"].get<uint64_t>() % 2, 0u);
  for (size_t tree = 0; tree < cycles; ++tree) {
    const json& one = lines.at(1 + 3 * tree);
    const json& other = lines.at(2 + 3 * tree);
    const json& again = lines.at(3 + 3 * tree);
    for (const json& node : {one, other}) {
      EXPECT_EQ(node["reason"], "sync.Mutex.Lock");
      EXPECT_EQ(node["parked_at"]["function"], "transfer");
    }
    EXPECT_EQ(other["waits_for"], one["id"]);
    EXPECT_EQ(again["id"], one["id"]);
    EXPECT_EQ(again["waits_for"], other["id"]);
    EXPECT_EQ(again["cycle"]["through"], json({other["id"]}));
  }
  const std::string text = tree(deadlocks.child, {"--limit", "1"}).output;
  EXPECT_TRUE(std::regex_search(
      text, std::regex("\n    cycle: coroutine \\d+ waits for itself through \\d+\n")))
      << text;
}

// Each waits for each other one at some moment, but never in a circle.
TEST(DumpTree, WaitsOfDifferentMomentsMakeNoCycle) {
  Child target({program("contending")});
  ASSERT_EQ(target.read_line(), "ready");
  uint64_t trees = 0;
  uint64_t looks = 0;
  for (; looks < 50 || trees == 0; ++looks) {
    const auto lines = json_tree(target);
    ASSERT_EQ(lines[0]["cycles"], 0) << lines[0];
    trees += lines[0]["trees"].get<uint64_t>();
  }
}

TEST(DumpTree, WhoLocksTwiceWaitsForItself) {
  GalleryProgram locks("double_lock", "--leak", "50");
  const auto lines = tree_with(locks.child, "cycles", 2);
  EXPECT_EQ(lines.at(1)["parked_at"]["function"], "write_audit");
  EXPECT_EQ(lines.at(2)["id"], lines.at(1)["id"]);
  EXPECT_EQ(lines.at(2)["cycle"]["through"], json::array());
}

TEST(DumpTree, ALockOfOneThatHasEndedIsToldAsSuch) {
  GalleryProgram locks("mutex_never_unlocked", "--leak", "50");
  const auto lines = tree_with(locks.child, "in_trees", 3);
  EXPECT_EQ(lines.at(1)["present"], false);
  EXPECT_EQ(lines.at(2)["waits_for"], lines.at(1)["id"]);
  EXPECT_EQ(lines.at(2)["parked_at"]["function"], "withdraw");
  EXPECT_NE(tree(locks.child).output.find(" [not alive any more, or not read]\n"),
            std::string::npos);
}

TEST(DumpTree, NeedsNoPrivilegeForOnesOwn) {
  const Child::Options nobody{.before_exec = become_nobody, .want_pid = 0};
  Child target({program("waiting")}, nobody);
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = tree(target, {"--format", "json"}, nobody);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(lines_of(outcome.output).at(0)["in_trees"], 5);
}

TEST(DumpTree, RefusesWithOneLineAndTheRightCode) {
  Child target({program("waiting")});
  ASSERT_EQ(target.read_line(), "ready");
  expect_refused(tree(target, {"--format", "folded"}), 2, "--tree");
  expect_refused(tree(target, {"--format", "html"}), 2, "--tree");
  expect_refused(tree(target, {"--by", "coroutine"}), 2, "--tree");
  expect_refused(tree(target, {"--state", "parked"}), 2, "--tree");
  expect_refused(tree(target, {"--label", "a=b"}), 2, "--tree");
  expect_refused(tree(target, {"--sort", "age"}), 2, "--tree");
  target.signal(SIGKILL);
  target.wait();
  expect_refused(tree(target), 4, "no process");
}

}  // namespace
}  // namespace coroscope::testing
