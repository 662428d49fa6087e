// SPDX-License-Identifier: Apache-2.0
// coroscope verify on commands that leave coroutines behind, and that do not.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "child.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

std::vector<std::string> verify(std::vector<std::string> options,
                                const std::vector<std::string>& command) {
  options.insert(options.begin(), "verify");
  options.push_back("--");
  options.insert(options.end(), command.begin(), command.end());
  return coroscope(options);
}

// The summary, after the lines before it.
struct Verified {
  int code = 0;
  std::vector<json> leftovers;
  std::vector<json> processes;
  json summary;
  std::string errors;
};

Verified verify_json(std::vector<std::string> options, const std::vector<std::string>& command,
                     const Child::Options& how = {}) {
  options.push_back("--json");
  const Outcome outcome = run(verify(options, command), how);
  Verified verified;
  verified.code = outcome.code;
  verified.errors = outcome.errors;
  for (const json& line : lines_of(outcome.output)) {
    if (line["type"] == "leftover") verified.leftovers.push_back(line);
    if (line["type"] == "process") verified.processes.push_back(line);
    verified.summary = line;
  }
  EXPECT_EQ(verified.summary["type"], "verify") << outcome.errors << outcome.output;
  EXPECT_EQ(verified.summary["exit_code"], verified.code);
  return verified;
}

std::vector<std::string> leaving(const std::string& how = "") {
  std::vector<std::string> command = {program("leaving")};
  if (!how.empty()) command.push_back(how);
  return command;
}

void expect_three_clerks(const json& leftover) {
  EXPECT_EQ(leftover["count"], 3) << leftover;
  EXPECT_EQ(leftover["reason"], "chan receive");
  EXPECT_EQ(leftover["cause"], "no sender");
  EXPECT_GT(leftover["oldest_age_s"], 0);
  const auto parked = functions(leftover["parked_at"]);
  ASSERT_FALSE(parked.empty());
  EXPECT_EQ(parked[0], "wait_for_order");
  const auto spawned = functions(leftover["spawned_at"]);
  ASSERT_FALSE(spawned.empty());
  EXPECT_EQ(spawned[0], "hire_clerk");
  EXPECT_EQ(leftover["named"]["labels"][0]["value"], "7");
}

class Ends : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(As, Ends, ::testing::Values("", "exit", "exec"));

// However it ends: the three, once, and not the one that needed a moment.
TEST_P(Ends, AndIsAskedWhoIsLeft) {
  const Verified verified = verify_json({}, leaving(GetParam()));
  EXPECT_EQ(verified.code, 1) << verified.errors;
  ASSERT_EQ(verified.leftovers.size(), 1u) << verified.summary;
  expect_three_clerks(verified.leftovers[0]);
  ASSERT_EQ(verified.processes.size(), 1u);
  EXPECT_EQ(verified.processes[0]["completeness"], 1.0);
  EXPECT_EQ(verified.summary["left"], 3);
  EXPECT_EQ(verified.summary["unread"].size(), 0u);
}

TEST(Verify, SaysIfThereIsNoMainThreadToLookThrough) {
  const Verified verified = verify_json({}, leaving("main-first"));
  EXPECT_EQ(verified.code, 3);
  ASSERT_EQ(verified.summary["unread"].size(), 1u) << verified.summary;
  EXPECT_NE(verified.summary["unread"][0].get<std::string>().find("its main thread ended before"),
            std::string::npos);
}

TEST(Verify, WhereNobodyIsLeftNothingIsFound) {
  const Verified verified = verify_json({}, leaving("clean"));
  EXPECT_EQ(verified.code, 0) << verified.errors;
  EXPECT_EQ(verified.summary["judged"], 1);
  EXPECT_EQ(verified.processes[0]["live"], 0);
}

// Copies of the parent's coroutines are not the child's.
TEST(Verify, FollowsChildren) {
  const Verified verified = verify_json({}, leaving("fork"));
  EXPECT_EQ(verified.code, 1) << verified.errors;
  EXPECT_EQ(verified.summary["processes"], 3);
  ASSERT_EQ(verified.leftovers.size(), 2u) << verified.summary;
  EXPECT_NE(verified.leftovers[0]["pid"], verified.leftovers[1]["pid"]);
  for (const json& leftover : verified.leftovers) expect_three_clerks(leftover);
}

TEST(Verify, AllowsWhoIsMeantToStay) {
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--ignore-top", "^wait_for_order$"},
                                             {"--ignore-created-by", "hire_clerk"},
                                             {"--ignore-label", "desk=7"}}) {
    const Verified verified = verify_json(options, leaving());
    EXPECT_EQ(verified.code, 0) << options[0] << verified.errors;
    EXPECT_EQ(verified.processes[0]["ignored"], 3);
    EXPECT_EQ(verified.summary["ignored"][0]["coroutines"], 3);
    EXPECT_EQ(verified.summary["ignored"][0]["findings"], 1);
  }
  EXPECT_EQ(verify_json({"--ignore-label", "desk=8"}, leaving()).code, 1);
}

TEST(Verify, NeedsNoPrivilege) {
  Child::Options options;
  options.before_exec = become_nobody;
  const Verified verified = verify_json({}, leaving(), options);
  EXPECT_EQ(verified.code, 1) << verified.errors;
  EXPECT_EQ(verified.summary["left"], 3);
}

TEST(Verify, PassesOnThatTheCommandFailed) {
  const auto code_of = [](const std::string& script) {
    return run(verify({}, {"/bin/sh", "-c", script}));
  };
  EXPECT_EQ(code_of("exit 7").code, 7);
  const Outcome killed = code_of("kill -SEGV $$");
  EXPECT_EQ(killed.code, 128 + SIGSEGV);
  EXPECT_NE(killed.output.find("the command failed by itself: signal 11"), std::string::npos)
      << killed.output;
  // Of processes that failed, nothing is asked.
  const Outcome failed = code_of(program("leak_ramp") + " --no-such-option; exit 0");
  EXPECT_EQ(failed.code, 0) << failed.output << failed.errors;
  const Outcome none = code_of("exit 0");
  EXPECT_EQ(none.code, 0);
  EXPECT_EQ(none.output, "nothing to judge: 0 processes with coroutines, of 1\n");
}

TEST(Verify, SaysWhatItCanNotRun) {
  expect_refused(run(verify({}, {"/nowhere/tests"})), 2, "can not run '/nowhere/tests': No such");
  expect_refused(run(verify({}, {"/etc/passwd"})), 2, "Permission denied");
  expect_refused(run(coroscope({"verify"})), 2, "COMMAND is required");
  expect_refused(run(verify({"--at", "("}, {"true"})), 2, "--at: ");
  expect_refused(run(verify({"--grace", "soon"}, {"true"})), 2, "--grace: ");
  expect_refused(run(verify({"--junit", "/nowhere/x.xml"}, {"true"})), 3, "can not write /nowhere");
  expect_refused(run(verify({"--at", "x"}, {"true"})), 3, "nothing was judged");
}

// In a CI: nothing that only a terminal understands.
TEST(Verify, WritesTextAndJunit) {
  std::string path = "/tmp/verify-junit-XXXXXX";
  const Fd file(mkstemp(path.data()));
  const Outcome outcome = run(verify({"--junit", path}, leaving()));
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.output.find('\x1b'), std::string::npos);
  EXPECT_EQ(outcome.output.find("LEFT  3 coroutines [chan receive, no sender, "), 0u)
      << outcome.output;
  EXPECT_NE(outcome.output.find("\n3 coroutines are left  (1 process with coroutines, of 1)\n"),
            std::string::npos)
      << outcome.output;
  const Outcome parsed = run({"/usr/bin/env", "python3", "-c",
                              "import sys, xml.etree.ElementTree as tree\n"
                              "for case in tree.parse(sys.argv[1]).iter('testcase'):\n"
                              "  print(case.get('name'), len(case))",
                              path});
  unlink(path.c_str());
  EXPECT_EQ(parsed.output, "chan receive at wait_for_order, spawned at hire_clerk 1\n" +
                               program("leaving") + " 0\n")
      << parsed.errors;
}

TEST(Verify, LooksAtAMarkerAndNotAtWhoWasThereAtTheStart) {
  for (const bool from_start : {false, true}) {
    std::vector<std::string> options = {"--at", "^end$", "--grace", "10ms"};
    if (from_start) options.insert(options.end(), {"--at-start", "^begin$"});
    Child child(verify(options, leaving("marker")));
    EXPECT_EQ(child.read_line(), "begin");
    child.write_line("");
    EXPECT_EQ(child.read_line(), "end");
    child.write_line("");
    EXPECT_EQ(child.wait(), 1) << child.errors();
    const std::string output = child.output();
    EXPECT_NE(output.find(from_start ? "4 coroutines at the marker: 3 left, 1 there before\n"
                                     : "4 coroutines at the marker: 4 left\n"),
              std::string::npos)
        << output;
  }
}

TEST(Verify, PassesOnSignals) {
  Child child(verify(
      {}, {"/bin/sh", "-c", "trap 'echo ending; exit 5' TERM; echo ready; while :; do :; done"}));
  EXPECT_EQ(child.read_line(), "ready");
  child.signal(SIGTERM);
  EXPECT_EQ(child.read_line(), "ending");
  EXPECT_EQ(child.wait(), 5) << child.errors();
}

// If it is killed, the command goes on as if nobody had ever looked.
TEST(Verify, LeavesTheCommandAloneIfItIsKilled) {
  Child child(verify({}, leaving("marker")));
  EXPECT_EQ(child.read_line(), "begin");
  child.signal(SIGKILL);
  child.write_line("");
  EXPECT_EQ(child.read_line(), "end");
  child.write_line("");
  EXPECT_EQ(child.read_line(), std::nullopt) << "its stdout is closed: it has ended";
}

}  // namespace
}  // namespace coroscope::testing
