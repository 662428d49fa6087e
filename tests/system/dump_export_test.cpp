// SPDX-License-Identifier: Apache-2.0
// The forms of a dump that other tools read, read by those tools.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "child.h"

namespace coroscope::testing {
namespace {

// Runs in a shell, with the words of `arguments` as $1, $2 and so on.
Outcome shell(const std::string& script, const std::vector<std::string>& arguments,
              const Child::Options& how = {}) {
  std::vector<std::string> command{"/bin/sh", "-c", script, "sh"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, how);
}

size_t count(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  return static_cast<size_t>(
      std::distance(std::sregex_iterator(text.begin(), text.end(), regex), {}));
}

void expect_match(const std::string& text, const std::string& pattern) {
  EXPECT_TRUE(std::regex_search(text, std::regex(pattern))) << pattern << " is not in:\n" << text;
}

// The program `waiting`: 12 coroutines, of which 4 are in receive_order.
class DumpForTools : public ::testing::Test {
 protected:
  void SetUp() override { start({program("waiting")}); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void start(const std::vector<std::string>& command) {
    target_.emplace(command);
    ASSERT_EQ(target_->read_line(), "ready");
  }

  std::string pid() const { return std::to_string(target_->pid()); }

  // What it says on stderr is left in `errors`.
  std::string dump_to(const std::string& name, std::vector<std::string> options) {
    const std::string path = folder_ / name;
    options.insert(options.begin(), {path, COROSCOPE_COMMAND, "dump", pid()});
    const Outcome outcome = shell(R"(to="$1"; shift; exec "$@" >"$to")", options);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    errors_ = outcome.errors;
    return path;
  }

  // What `go tool pprof` prints of the dump.
  std::string pprof(const std::vector<std::string>& options) {
    std::vector<std::string> arguments = options;
    arguments.push_back(folder_ / "dump.pb.gz");
    const Outcome outcome = shell(R"(exec go tool pprof "$@")", arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    // pprof says what it misses there: symbols, a binary.
    EXPECT_EQ(outcome.errors, "");
    return outcome.output;
  }

  std::filesystem::path make_folder() {
    std::string name = ::testing::TempDir() + "dump_export_XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    return name;
  }

  // What flame_graph_check.js says of a page.
  static nlohmann::json checked(const std::string& page, const std::string& pattern) {
    const Outcome outcome = shell(R"(exec node "$@")", {FLAME_GRAPH_CHECK, page, pattern});
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return nlohmann::json::parse(outcome.output, nullptr, false);
  }

  const std::filesystem::path folder_ = make_folder();
  std::optional<Child> target_;
  std::string errors_;
};

TEST_F(DumpForTools, PprofReadsTheProfile) {
  dump_to("dump.pb.gz", {"--format", "pprof"});
  EXPECT_EQ(errors_, "");
  const std::string top = pprof({"-top"});
  // The comments come with every report, so what was lost can not be overlooked.
  expect_match(top,
               "^File: waiting\npid " + pid() +
                   "  .* 12 coroutines: 12 parked\ncompleteness 100%.*\nType: coroutines\nTime: ");
  expect_match(top, "accounting for 12, 100% of 12 total");
  expect_match(top, R"(\n +4 +33.33% .* receive_order)");
  const std::string list = pprof({"-list", "^receive_order$"});
  expect_match(list, "ROUTINE =+ receive_order in .*/tests/programs/waiting.cpp\n");
  expect_match(list, R"( 4 +4 .*things\(\)\.channel\.receive\(\))");
  const std::string traces = pprof({"-traces"});
  expect_match(traces,
               "\n +state:  parked\n +reason:  chan receive\ncreated_by:  start_all\n"
               " +1 +read_row\n +run_query\n");
  EXPECT_EQ(count(traces, "\ncreated_by:"), 12u) << traces;
}

TEST_F(DumpForTools, PprofFiltersByLabelAndKnowsTheWaits) {
  dump_to("dump.pb.gz", {"--format", "pprof"});
  expect_match(pprof({"-top", "-tagfocus", "reason=^select$"}),
               "for 1, .* of 12 total(.*\n)*.* wait_in_select");
  expect_match(pprof({"-tags"}), R"(reason: Total 12)");
  const std::string waits = pprof({"-top", "-sample_index", "wait"});
  expect_match(waits, "Type: wait\n");
  EXPECT_EQ(waits.find(" of 0 total"), std::string::npos) << waits;
}

TEST_F(DumpForTools, PprofTellsTwoDumpsApart) {
  const std::string before = dump_to("before.pb.gz", {"--format", "pprof", "--reason", "select"});
  dump_to("dump.pb.gz", {"--format", "pprof"});
  const std::string top = pprof({"-top", "-diff_base", before});
  expect_match(top, "accounting for 11, ");
  EXPECT_EQ(top.find("wait_in_select"), std::string::npos) << top;
}

// -web shows a browser what graphviz makes of what -dot prints: nothing in between
// depends on the profile.
TEST_F(DumpForTools, PprofDrawsIt) {
  dump_to("dump.pb.gz", {"--format", "pprof"});
  const std::string dot = pprof({"-dot"});
  expect_match(dot, "^digraph \"waiting\"");
  expect_match(dot, "receive_order");
  expect_match(dot, "\nN\\d+ -> N\\d+");
}

TEST_F(DumpForTools, PprofReadsEachCoroutine) {
  dump_to("dump.pb.gz", {"--format", "pprof", "--by", "coroutine"});
  const std::string traces = pprof({"-traces"});
  EXPECT_EQ(count(traces, "\n +id:  \\d+\n"), 12u) << traces;
  expect_match(traces, "\n +name:  receiver\n");
  expect_match(traces, "\n +tenant:  b\n");
}

TEST_F(DumpForTools, TheProfileIsNotForATerminal) {
  const Outcome outcome = run(coroscope({"dump", pid(), "--format", "pprof"}), {.before_exec = [] {
                                const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
                                if (grantpt(terminal) != 0 || unlockpt(terminal) != 0) _exit(126);
                                dup2(open(ptsname(terminal), O_RDWR | O_NOCTTY), STDOUT_FILENO);
                              }});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.errors,
            "coroscope: --format pprof is binary: redirect it to a file, as in > dump.pb.gz\n");
}

TEST_F(DumpForTools, ABrowserReadsThePage) {
  const auto said =
      checked(dump_to("dump.html", {"--format", "html"}), "receive_order|wait_in_select");
  EXPECT_EQ(errors_, "");
  ASSERT_TRUE(said.is_object());
  EXPECT_EQ(said["coroutines"], 12);
  EXPECT_EQ(said["coroutines_found"], 5);
  EXPECT_EQ(said["said"].get<std::string>().find("5 of 12 coroutines match (41.67%)"), 0u);
  expect_match(said["notes"], "12 coroutines: 12 parked\ncompleteness 100%");
  EXPECT_NE(std::count(said["names"].begin(), said["names"].end(), "[sleep]"), 0);
}

TEST_F(DumpForTools, APageIsOfStacksOnly) {
  const Outcome outcome = run(coroscope({"dump", pid(), "--by", "coroutine", "--format", "html"}));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.errors.find("--by stack"), std::string::npos);
}

TEST_F(DumpForTools, WhatATargetIsCalledIsNoMarkup) {
  const std::string name = "</script><script>alert(1)</script>\x1b[2J\n\"'&amp;";
  start({program("waiting"), name});
  const auto said = checked(dump_to("dump.html", {"--format", "html"}), "alert");
  ASSERT_TRUE(said.is_object());
  EXPECT_NE(said["notes"].get<std::string>().find("alert(1)</script>?[2J?\"'&amp;"),
            std::string::npos)
      << said["notes"];
  dump_to("dump.pb.gz", {"--format", "pprof"});
  expect_match(pprof({"-top"}), "^File: waiting\n");
}

TEST_F(DumpForTools, WhatWasLostIsInEachForm) {
  start({program("corrupt_table"), "duplicate_ids"});
  const std::string lost = "\nlost +15 table slots .*\n(.*\n)*completeness 6.25%";
  dump_to("dump.pb.gz", {"--format", "pprof"});
  expect_match(errors_, "lost +15 table slots ");
  expect_match(pprof({"-top"}), lost);
  const auto said = checked(dump_to("dump.html", {"--format", "html"}), "nothing");
  ASSERT_TRUE(said.is_object());
  EXPECT_EQ(said["coroutines"], 1);
  expect_match(said["notes"], lost);
}

}  // namespace
}  // namespace coroscope::testing
