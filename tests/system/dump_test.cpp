// SPDX-License-Identifier: Apache-2.0
// coroscope dump on targets whose coroutines are known.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <regex>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

Outcome dump(const Child& target, std::vector<std::string> options,
             const Child::Options& how = {}) {
  options.insert(options.begin(), {"dump", std::to_string(target.pid())});
  return run(coroscope(std::move(options)), how);
}

std::vector<json> json_dump(const Child& target, std::vector<std::string> options) {
  options.insert(options.end(), {"--format", "json"});
  const Outcome outcome = dump(target, std::move(options));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  const auto lines = lines_of(outcome.output);
  EXPECT_FALSE(lines.empty());
  return lines;
}

// A target with 2000 coroutines at one place, and the one that started them.
struct Ramp {
  explicit Ramp(const std::string& on, const Child::Options& how = {})
      : child({program("leak_ramp"), "ramp", "--rate", "2000", "--seconds", "1", "--on", on}, how) {
    EXPECT_EQ(child.read_line(), "ready");
    while (json_dump(child, {"--limit", "1"}).at(0)["live"] < 2001) {
    }
  }
  Child child;
};

struct Wait {
  const char* on;
  const char* reason;
  const char* parked;
  const char* spawned;
  const char* cause;
  size_t select_cases;
  const char* name;
};
void PrintTo(const Wait& wait, std::ostream* out) {
  *out << wait.on;
}

class DumpOfARamp : public ::testing::TestWithParam<Wait> {};
INSTANTIATE_TEST_SUITE_P(On, DumpOfARamp,
                         ::testing::Values(Wait{"send", "chan send", "send_for_ever", "start_stuck",
                                                "no receiver", 0, ""},
                                           Wait{"select", "select", "select_for_ever",
                                                "start_stuck", "", 3, ""},
                                           Wait{"task", "chan receive", "read_row", "start_task",
                                                "no sender", 0, "order"}),
                         [](const auto& one) { return std::string(one.param.on); });

TEST_P(DumpOfARamp, ByStackCountsThemAtTheirLine) {
  const Wait& wait = GetParam();
  Ramp ramp(wait.on);
  const auto lines = json_dump(ramp.child, {});
  EXPECT_EQ(lines[0]["live"], 2001);
  EXPECT_EQ(lines[0]["completeness"], 1.0) << lines[0]["losses"];
  EXPECT_EQ(lines[0]["stacks_cut"], 0);
  const json& group = lines[1];
  EXPECT_EQ(group["count"], 2000);
  EXPECT_EQ(group["state"], "parked");
  EXPECT_EQ(group["reason"], wait.reason);
  EXPECT_EQ(group["parked_complete"], true);
  EXPECT_EQ(group["spawn_complete"], true);
  EXPECT_EQ(functions(group["parked_at"]).at(0), wait.parked);
  EXPECT_EQ(functions(group["spawned_at"]).at(0), wait.spawned);
  EXPECT_EQ(group["example"].value("cause", ""), wait.cause);
  EXPECT_EQ(group["example"].value("select_cases", json::array()).size(), wait.select_cases);
  const std::string name = group.contains("named") ? group["named"]["names"][0]["name"] : json("");
  EXPECT_EQ(name, wait.name);
  EXPECT_EQ(lines.at(2)["count"], 1) << "who started them";
  EXPECT_EQ(lines.at(3)["type"], "end");
}

TEST(Dump, FiltersAndLimits) {
  Ramp ramp("task");
  const auto matched = [&ramp](std::vector<std::string> options) -> uint64_t {
    return json_dump(ramp.child, std::move(options)).at(0)["matched"];
  };
  EXPECT_EQ(matched({"--reason", "chan receive"}), 2000u);
  EXPECT_EQ(matched({"--reason", "chan send"}), 0u);
  EXPECT_EQ(matched({"--reason", "chan receive", "--reason", "select"}), 2000u);
  EXPECT_EQ(matched({"--state", "syscall"}), 0u);
  EXPECT_EQ(matched({"--stack", "serve_order .*leak_ramp\\.cpp:\\d+$"}), 2000u);
  EXPECT_EQ(matched({"--top", "serve_order"}), 0u);
  EXPECT_EQ(matched({"--top", "read_row"}), 2000u);
  EXPECT_EQ(matched({"--created-by", "start_task"}), 2000u);
  EXPECT_EQ(matched({"--label", "tenant=a"}), 2000u);
  EXPECT_EQ(matched({"--label", "tenant=b"}), 0u);
  EXPECT_EQ(matched({"--older-than", "24h"}), 0u);
  EXPECT_EQ(matched({"--older-than", "1ms"}), 2001u);
  EXPECT_EQ(matched({"--waits-longer", "24h"}), 0u);
  const auto lines = json_dump(ramp.child, {"--by", "coroutine", "--limit", "3"});
  EXPECT_EQ(lines[0]["matched"], 2001);
  EXPECT_EQ(lines.back()["type"], "end");
  EXPECT_EQ(lines.back()["shown"], 3);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const json& line) { return line["type"] == "coroutine"; }),
            3);
}

TEST(Dump, TextAndFolded) {
  Ramp ramp("send");
  const Outcome text = dump(ramp.child, {});
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.output.find("\n2000 coroutines [chan send, "), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("  parked at   send_for_ever "), std::string::npos) << text.output;
  EXPECT_NE(text.output.find("completeness 100%"), std::string::npos) << text.output;
  const Outcome one = dump(ramp.child, {"--by", "coroutine", "--limit", "2"});
  EXPECT_NE(one.output.find("\ncoroutine 2 [chan send, "), std::string::npos) << one.output;
  EXPECT_NE(one.output.find("  created by  start_stuck in coroutine 1, "), std::string::npos);
  const Outcome folded = dump(ramp.child, {"--format", "folded", "--reason", "chan send"});
  EXPECT_EQ(folded.errors, "");
  EXPECT_TRUE(
      std::regex_match(folded.output, std::regex(".*;send_for_ever;\\[chan send\\] 2000\n")))
      << folded.output;
}

// By census alone: no root, no BPF.
// Where they stopped is where they go on; of who runs nobody outside can know it.
TEST(Dump, WhoCouldGoOnIsShownWhereItDoes) {
  Child target({program("starved")});
  ASSERT_EQ(target.read_line(), "ready");
  std::map<std::string, std::string> tops;
  for (const json& group : json_dump(target, {})) {
    if (group["type"] != "group") continue;
    std::string top;
    for (const json& frame : group.value("parked_at", json::array())) {
      if (top.empty() && !frame.value("runtime", false)) top = frame["function"];
    }
    const json named = group.value("named", json::object());
    const std::string name = named.empty() ? "main" : named["names"][0]["name"];
    tops[name] = group["state"].get<std::string>() + " " + top;
    EXPECT_FALSE(group.contains("reason")) << group;
  }
  EXPECT_EQ(tops["main"], "running ");
  EXPECT_EQ(tops["fiber"], "runnable receive_order");
  EXPECT_EQ(tops["task"], "runnable read_row");
  EXPECT_EQ(tops["yielding"], "runnable give_way");
  EXPECT_EQ(tops["new fiber"], "runnable ") << "it has not begun";
  EXPECT_EQ(tops.size(), 6u);

  const std::string text = dump(target, {}).output;
  EXPECT_NE(text.find("  goes on at  receive_order "), std::string::npos) << text;
  EXPECT_NE(text.find("  goes on at  (in no function of the program)\n"), std::string::npos);
  const Outcome folded = dump(target, {"--format", "folded", "--state", "runnable"});
  EXPECT_NE(folded.output.find(";give_way;[runnable] 1\n"), std::string::npos) << folded.output;
}

TEST(Dump, NeedsNoPrivilegeForOnesOwn) {
  const Child::Options nobody{.before_exec = become_nobody, .want_pid = 0};
  Child target({program("waiting")}, nobody);
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = dump(target, {"--format", "json"}, nobody);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(lines_of(outcome.output).at(0)["completeness"], 1.0);
}

TEST(Dump, RefusesWithOneLineAndTheRightCode) {
  Child target({program("sleeper")});
  ASSERT_EQ(target.read_line(), "ready");
  expect_refused(dump(target, {}), 3, "no coroutine runtime");
  expect_refused(dump(target, {}, {.before_exec = become_nobody, .want_pid = 0}), 3, "not allowed");
  expect_refused(dump(target, {"--stack", "("}), 2, "--stack");
  expect_refused(dump(target, {"--label", "x"}), 2, "KEY=VALUE");
  expect_refused(dump(target, {"--older-than", "5"}), 2, "--older-than");
  expect_refused(dump(target, {"--state", "bogus"}), 2, "--state");
  expect_refused(dump(target, {"--limit", "0"}), 2, "--limit");
  expect_refused(dump(target, {"--by", "coroutine", "--format", "folded"}), 2, "--by stack");
  expect_refused(dump(target, {"--by", "coroutine", "--sort", "count"}), 2, "--by stack");
  expect_refused(run(coroscope({"dump", "abc"})), 2, "'abc' is no PID, and as a file");
  expect_refused(run(coroscope({"dump", "99999999999"})), 2, "no process number");
  target.signal(SIGKILL);
  target.wait();
  expect_refused(dump(target, {}), 4, "no process");
}

}  // namespace
}  // namespace coroscope::testing
