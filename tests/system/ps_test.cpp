// SPDX-License-Identifier: Apache-2.0
// coroscope ps: who is listed, and who is told to be missing.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "churn_target.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

// The row of a process in `ps --json`; null if there is none.
json row_of(const std::vector<json>& lines, pid_t pid) {
  for (const json& line : lines) {
    if (line.value("pid", 0) == pid) return line;
  }
  return {};
}

TEST(Ps, ListsTargetsWithTheirCounts) {
  ChurnTarget target("churn", 2, 3);
  const SiteCounts truth = target.pause();
  int64_t live = 0;
  for (const auto& [name, count] : truth) live += count.live;
  const Outcome text = run(coroscope({"ps"}));
  EXPECT_EQ(text.code, 0);
  EXPECT_NE(text.output.find("churn --workers 2 --sites 3"), std::string::npos) << text.output;

  const Outcome as_json = run(coroscope({"ps", "--json"}));
  bool listed = false;
  for (const json& line : lines_of(as_json.output)) {
    if (line.value("pid", 0) != target.pid()) continue;
    listed = true;
    EXPECT_EQ(line["type"], "process");
    EXPECT_EQ(line["live"], live);
    EXPECT_EQ(line["parked"], live);
    EXPECT_EQ(line["workers"], 2);
    EXPECT_EQ(line["runtime"], "coro 1.5");
  }
  EXPECT_TRUE(listed) << as_json.output;
}

TEST(Ps, ShowsTheLargestFirstAndSaysWhatItSaw) {
  ChurnTarget large("churn", 2, 3);
  Child small({program("waiting")});
  ASSERT_EQ(small.read_line(), "ready");
  Child none({program("sleeper")});
  ASSERT_EQ(none.read_line(), "ready");
  const Outcome outcome = run(coroscope({"ps", "--json"}));
  const auto lines = lines_of(outcome.output);
  EXPECT_EQ(row_of(lines, small.pid())["live"], 12);
  EXPECT_TRUE(row_of(lines, none.pid()).is_null());
  uint64_t rows = 0, before = UINT64_MAX;
  for (const json& line : lines) {
    if (line["type"] != "process") continue;
    ++rows;
    EXPECT_LE(line["live"], before) << outcome.output;
    before = line["live"];
  }
  const json& summary = lines.back();
  EXPECT_EQ(summary["type"], "summary");
  EXPECT_EQ(summary["listed"], rows);
  EXPECT_GE(summary["seen"], rows + 2) << "the one without coroutines, and this one";
  EXPECT_EQ(summary["others_hidden"], false);
}

TEST(Ps, WhatHasARuntimeThatCanNotBeReadIsTold) {
  Child target({program("corrupt_table"), "version"});
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = run(coroscope({"ps", "--json"}));
  EXPECT_EQ(outcome.code, 0);
  const auto lines = lines_of(outcome.output);
  const json row = row_of(lines, target.pid());
  EXPECT_EQ(row["type"], "unreadable");
  EXPECT_NE(row["why"].get<std::string>().find("use a coroscope as new as"), std::string::npos);
  EXPECT_GE(lines.back()["unreadable"], 1);
  EXPECT_NE(outcome.errors.find(row["why"]), std::string::npos) << outcome.errors;
}

TEST(Ps, NobodySeesHisOwnAndIsToldOfTheOthers) {
  ChurnTarget of_root("churn", 2, 2);
  Child own({program("waiting")}, {.before_exec = become_nobody, .want_pid = 0});
  ASSERT_EQ(own.read_line(), "ready");
  const Outcome outcome =
      run(coroscope({"ps", "--json"}), {.before_exec = become_nobody, .want_pid = 0});
  EXPECT_EQ(outcome.code, 0);
  const auto lines = lines_of(outcome.output);
  EXPECT_EQ(row_of(lines, own.pid())["live"], 12) << outcome.output;
  EXPECT_TRUE(row_of(lines, of_root.pid()).is_null());
  const json& summary = lines.back();
  EXPECT_GE(summary["not_allowed"], 2) << "that churn, and this test";
  EXPECT_LT(summary["not_allowed"], summary["seen"]);
  const std::string told = summary["not_allowed"].dump() + " of " + summary["seen"].dump() +
                           " processes could not be looked into; run as root";
  EXPECT_NE(outcome.errors.find(told), std::string::npos) << outcome.errors;
}

// A /proc that shows nobody but one's own.
void become_nobody_and_hide_others() {
  if (unshare(CLONE_NEWNS) != 0 || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("proc", "/proc", "proc", 0, "hidepid=2") != 0) {
    _exit(126);
  }
  become_nobody();
}

TEST(Ps, SaysIfItCanNotEvenCountTheOthers) {
  Child own({program("waiting")}, {.before_exec = become_nobody, .want_pid = 0});
  ASSERT_EQ(own.read_line(), "ready");
  const Outcome outcome = run(coroscope({"ps", "--json"}),
                              {.before_exec = become_nobody_and_hide_others, .want_pid = 0});
  EXPECT_EQ(outcome.code, 0);
  const auto lines = lines_of(outcome.output);
  EXPECT_EQ(row_of(lines, own.pid())["live"], 12) << outcome.errors;
  EXPECT_EQ(lines.back()["others_hidden"], true) << outcome.output;
  EXPECT_NE(outcome.errors.find("hidepid"), std::string::npos) << outcome.errors;
}

}  // namespace
}  // namespace coroscope::testing
