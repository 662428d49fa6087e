// SPDX-License-Identifier: Apache-2.0
// coroscope stat against what targets say of themselves.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <regex>

#include "churn_target.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

Outcome stat(pid_t pid, std::vector<std::string> options, const Child::Options& how = {}) {
  options.insert(options.begin(), {"stat", std::to_string(pid)});
  return run(coroscope(std::move(options)), how);
}

std::vector<json> json_stat(pid_t pid, std::vector<std::string> options) {
  options.push_back("--json");
  const Outcome outcome = stat(pid, std::move(options));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_EQ(outcome.errors, "");
  return lines_of(outcome.output);
}

TEST(Stat, CountsWhatTheTargetCounts) {
  ChurnTarget target("churn", 3, 2);
  int64_t live = 0;
  for (const auto& [name, count] : target.pause()) live += count.live;
  const auto lines = json_stat(target.pid(), {"--count", "2", "-i", "10ms"});
  ASSERT_EQ(lines.size(), 2u);
  for (const json& line : lines) {
    EXPECT_EQ(line["type"], "stat");
    EXPECT_EQ(line["pid"], target.pid());
    EXPECT_EQ(line["live"], live);
    EXPECT_EQ(line["parked"], live);
    EXPECT_EQ(line["completeness"], 1.0) << line["losses"];
    EXPECT_EQ(line["workers"], 3);
    EXPECT_EQ(line["threads"], 4) << "the main thread, and one a worker";
    EXPECT_EQ(line["stacks"]["count"], live) << "all are fibers";
    EXPECT_EQ(line["stacks"]["running"], 0);
    EXPECT_GT(line["stacks"]["used_bytes"], 0);
    EXPECT_GT(line["stacks"]["reserved_bytes"], line["stacks"]["used_bytes"]);
    EXPECT_GT(line["resident_bytes"], 0);
    ASSERT_EQ(line["schedulers"].size(), 1u);
    EXPECT_EQ(line["schedulers"][0]["idle"], 3);
    EXPECT_EQ(line["schedulers"][0]["workers"].size(), 3u);
  }
  const json& scheduler = lines[1]["schedulers"][0];
  EXPECT_EQ(scheduler["spawned"].get<int64_t>() - scheduler["exited"].get<int64_t>(), live);
  EXPECT_EQ(lines[1]["spawns_per_second"], 0.0) << "it is quiet";
  EXPECT_EQ(lines[1]["exits_per_second"], 0.0);
  EXPECT_FALSE(lines[0].contains("interval_s")) << "of the first look there are no rates";
  EXPECT_FALSE(lines[0].contains("cpus"));
  EXPECT_GT(lines[1]["interval_s"], 0);
  EXPECT_TRUE(lines[1].contains("cpus"));
}

TEST(Stat, TellsWhatABusyTargetUses) {
  ChurnTarget target;
  const auto lines = json_stat(target.pid(), {"--count", "4", "-i", "200ms"});
  ASSERT_EQ(lines.size(), 4u);
  double cpus = 0;
  for (const json& line : lines) cpus += line.value("cpus", 0.0);
  EXPECT_GT(cpus, 0);
  EXPECT_LE(cpus / 3, static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN)) + 0.5);
}

TEST(Stat, RatesAreWhatTheSchedulerCounted) {
  Child target({program("leak_ramp"), "steady", "--rate", "2000"});
  ASSERT_EQ(target.read_line(), "ready");
  const auto lines = json_stat(target.pid(), {"--count", "4", "-i", "300ms"});
  ASSERT_EQ(lines.size(), 4u);
  for (size_t i = 1; i < lines.size(); ++i) {
    const auto rose = [&](const char* figure) {
      return lines[i]["schedulers"][0][figure].get<double>() -
             lines[i - 1]["schedulers"][0][figure].get<double>();
    };
    const double interval = lines[i]["interval_s"];
    EXPECT_NEAR(lines[i]["spawns_per_second"].get<double>() * interval, rose("spawned"), 0.01);
    EXPECT_NEAR(lines[i]["exits_per_second"].get<double>() * interval, rose("exited"), 0.01);
    EXPECT_GT(rose("spawned"), 0);
    EXPECT_GT(rose("exited"), 0);
  }
}

TEST(Stat, TheTextHasColumnsAndALineOfTheScheduler) {
  Child target({program("waiting")});
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = stat(target.pid(), {"--count", "12", "-i", "10ms"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  std::vector<std::string> lines;
  std::istringstream in(outcome.output);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 2u + 2 * 12) << outcome.output;
  EXPECT_TRUE(lines[0].starts_with("   TIME     LIVE   PARKED RUNNING ")) << lines[0];
  EXPECT_EQ(lines[21], lines[0]) << "again after ten rows";
  EXPECT_TRUE(std::regex_match(
      lines[1], std::regex(" +0\\.0s +12 +12 +0 +0 +0 +- +- +- +3 +2 +2( +[0-9.]+[KM]?){3}")))
      << lines[1];
  // When the last coroutine waits, its worker may be on its way to sleep still.
  EXPECT_TRUE(std::regex_match(
      lines[2], std::regex("SCHED 0\\.0s: workers=2 idle=[0-2] spinning=[0-2] threads=2 "
                           "runqueue=0 \\[0 0\\] parked=12 syscall=0")))
      << lines[2];
  for (const std::string& line : lines) EXPECT_EQ(line.find("lost"), std::string::npos) << line;
}

TEST(Stat, NeedsNoPrivilegeForOnesOwn) {
  const Child::Options nobody{.before_exec = become_nobody, .want_pid = 0};
  Child target({program("waiting")}, nobody);
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = stat(target.pid(), {"--json", "--count", "2", "-i", "10ms"}, nobody);
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const json line = lines_of(outcome.output).at(1);
  EXPECT_EQ(line["live"], 12);
  EXPECT_TRUE(line.contains("cpus"));
  EXPECT_EQ(line["completeness"], 1.0);
}

TEST(Stat, EndsWithItsTargetOrASignalOrItsTime) {
  auto target = std::make_unique<ChurnTarget>();
  const std::string pid = std::to_string(target->pid());
  Child interrupted(coroscope({"stat", pid, "-i", "1h"}));
  ASSERT_TRUE(interrupted.read_line());
  interrupted.signal(SIGINT);
  EXPECT_EQ(interrupted.wait(), 0) << interrupted.errors();
  EXPECT_EQ(interrupted.errors(), "");
  EXPECT_GE(json_stat(target->pid(), {"--for", "100ms", "-i", "20ms"}).size(), 2u);

  Child left(coroscope({"stat", pid, "-i", "1h"}));
  ASSERT_TRUE(left.read_line());
  target.reset();
  EXPECT_EQ(left.wait(), 4);
  EXPECT_NE(left.errors().find("has ended"), std::string::npos) << left.errors();
}

TEST(Stat, AnotherProgramIsAnotherTarget) {
  Child target({program("corrupt_table"), "executes"});
  ASSERT_EQ(target.read_line(), "ready");
  Child observer(coroscope({"stat", std::to_string(target.pid()), "-i", "10ms"}));
  ASSERT_TRUE(observer.read_line());
  target.write_line("go");
  EXPECT_EQ(observer.wait(), 4);
  EXPECT_NE(observer.errors().find("has executed another program"), std::string::npos)
      << observer.errors();
}

TEST(Stat, WhatCanNotBeReadEndsTheLine) {
  Child target({program("corrupt_table"), "odd_sequence"});
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = stat(target.pid(), {"--count", "1"});
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_TRUE(std::regex_search(outcome.output, std::regex("  lost \\d+ \\(\\d+ torn\\)\n")))
      << outcome.output;
  EXPECT_LT(json_stat(target.pid(), {"--count", "1"}).at(0)["completeness"], 1.0);
}

TEST(Stat, AReaderThatGoesAwayEndsIt) {
  ChurnTarget target;
  const Outcome outcome =
      run({"/bin/sh", "-c",
           COROSCOPE_COMMAND " stat " + std::to_string(target.pid()) + " -i 20ms | head -n 1"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.errors, "");
}

TEST(Stat, RefusesWithOneLineAndTheRightCode) {
  Child target({program("sleeper")});
  ASSERT_EQ(target.read_line(), "ready");
  const pid_t pid = target.pid();
  expect_refused(stat(pid, {}), 3, "no coroutine runtime");
  expect_refused(stat(pid, {}, {.before_exec = become_nobody, .want_pid = 0}), 3, "not allowed");
  expect_refused(stat(pid, {"-i", "1ms"}), 2, "too short");
  expect_refused(stat(pid, {"-i", "x"}), 2, "--interval: ");
  expect_refused(stat(pid, {"--for", "5"}), 2, "--for: ");
  expect_refused(stat(pid, {"--count", "0"}), 2, "--count");
  expect_refused(stat(pid, {"--count", "1", "--for", "1s"}), 2, "--for");
  expect_refused(run(coroscope({"stat"})), 2, "PID is required");
  expect_refused(run(coroscope({"stat", "abc"})), 2, "no process number");
  target.signal(SIGKILL);
  target.wait();
  expect_refused(stat(pid, {}), 4, "no process");
}

}  // namespace
}  // namespace coroscope::testing
