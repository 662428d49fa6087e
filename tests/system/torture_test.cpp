// SPDX-License-Identifier: Apache-2.0
// Dumps of coroutines that park somewhere else all the time: whatever stack is shown
// is that of its coroutine, and what could not be read is counted.
#include <gtest/gtest.h>

#include <map>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

class Torture : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, Torture, ::testing::Values("fiber", "task"),
                         [](const auto& one) { return std::string(one.param) + "s"; });

// "delta" of delta_dive; of lambdas and the like what they are in.
std::string name_of(const std::string& function) {
  return function.substr(0, function.find('_'));
}

struct Found {
  uint64_t whole = 0;   // stacks that lead to the outermost frame
  uint64_t unread = 0;  // parked, without a stack
  uint64_t cut = 0;
  uint64_t elsewhere = 0;  // not parked
};

// Everything in the stacks of one coroutine has to be of its own name.
void check(const json& coroutine, const std::map<uint64_t, json>& parked,
           const std::map<uint64_t, json>& spawned, Found& found) {
  if (coroutine["state"] != "parked") {
    found.elsewhere++;
    return;
  }
  if (!coroutine.contains("parked_stack_id")) {
    found.unread++;
    return;
  }
  const json& stack = parked.at(coroutine["parked_stack_id"]);
  found.cut += !stack["complete"];
  found.whole += stack["complete"].get<bool>();
  const auto born = functions(spawned.at(coroutine["spawn_stack_id"])["frames"]);
  ASSERT_FALSE(born.empty());
  const std::string name = name_of(born.front());
  const auto functions_of_it = functions(stack["frames"]);
  EXPECT_FALSE(functions_of_it.empty()) << stack;
  const bool sends = functions_of_it.front().find("receive") == std::string::npos;
  for (const std::string& function : functions_of_it) {
    EXPECT_EQ(name_of(function), name) << stack << coroutine;
  }
  const bool task = functions_of_it.front().find("task") != std::string::npos;
  if (!task) {
    EXPECT_EQ(coroutine["reason"], sends ? "chan send" : "chan receive") << stack;
  }
}

TEST_P(Torture, NoStackIsOfAnotherOrOfAnotherMoment) {
  constexpr uint64_t count = 5000;
  Child target({program("reparking"), GetParam(), std::to_string(count)});
  ASSERT_EQ(target.read_line(), "ready");
  Found found;
  for (int i = 0; i < 10 && !HasFailure(); ++i) {
    const Outcome outcome = run(
        coroscope({"dump", std::to_string(target.pid()), "--by", "coroutine", "--format", "json"}));
    ASSERT_EQ(outcome.code, 0) << outcome.errors;
    const auto lines = lines_of(outcome.output);
    EXPECT_EQ(lines[0]["live"], count);
    EXPECT_EQ(lines[0]["completeness"], 1.0) << lines[0]["losses"];
    std::map<uint64_t, json> parked;
    std::map<uint64_t, json> spawned;
    const Found before = found;
    for (const json& line : lines) {
      if (line["type"] == "stack") (line["kind"] == "parked" ? parked : spawned)[line["id"]] = line;
      if (line["type"] == "coroutine") check(line, parked, spawned, found);
    }
    EXPECT_EQ(lines[0]["stacks_unread"], found.unread - before.unread) << "each is told";
  }
  EXPECT_EQ(found.cut, 0u);
  EXPECT_GT(found.whole, count) << "of ten times as many";
  RecordProperty("whole", std::to_string(found.whole));
  RecordProperty("unread", std::to_string(found.unread));
  RecordProperty("running or about to", std::to_string(found.elsewhere));
}

}  // namespace
}  // namespace coroscope::testing
