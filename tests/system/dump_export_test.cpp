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

// The program `waiting`: 12 coroutines, of which 4 are in receive_order.
class DumpForTools : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(target_.read_line(), "ready"); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string dump_to(const std::string& name, std::vector<std::string> options) {
    const std::string path = folder_ / name;
    options.insert(options.begin(), {COROSCOPE_COMMAND, "dump", std::to_string(target_.pid())});
    options.insert(options.begin(), path);
    const Outcome outcome = shell(R"(to="$1"; shift; exec "$@" >"$to")", options);
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
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

  const std::filesystem::path folder_ = make_folder();
  Child target_{{program("waiting")}};
};

void expect_match(const std::string& text, const std::string& pattern) {
  EXPECT_TRUE(std::regex_search(text, std::regex(pattern))) << pattern << " is not in:\n" << text;
}

TEST_F(DumpForTools, PprofReadsTheProfile) {
  dump_to("dump.pb.gz", {"--format", "pprof"});
  const std::string top = pprof({"-top"});
  // The comments come with every report, so what was lost can not be overlooked.
  expect_match(top,
               "^File: waiting\npid " + std::to_string(target_.pid()) +
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
  const Outcome outcome = run(
      coroscope({"dump", std::to_string(target_.pid()), "--format", "pprof"}), {.before_exec = [] {
        const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
        if (grantpt(terminal) != 0 || unlockpt(terminal) != 0) _exit(126);
        dup2(open(ptsname(terminal), O_RDWR | O_NOCTTY), STDOUT_FILENO);
      }});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.errors,
            "coroscope: --format pprof is binary: redirect it to a file, as in > dump.pb.gz\n");
}

TEST_F(DumpForTools, ABrowserReadsThePage) {
  const std::string page = dump_to("dump.html", {"--format", "html"});
  const Outcome outcome =
      shell(R"(exec node "$@")", {FLAME_GRAPH_CHECK, page, "receive_order|wait_in_select"});
  ASSERT_EQ(outcome.code, 0) << outcome.errors;
  const auto said = nlohmann::json::parse(outcome.output);
  EXPECT_EQ(said["coroutines"], 12);
  EXPECT_EQ(said["coroutines_found"], 5);
  EXPECT_EQ(said["said"].get<std::string>().find("5 of 12 coroutines match (41.67%)"), 0u);
  expect_match(said["notes"], "12 coroutines: 12 parked\ncompleteness 100%");
  EXPECT_NE(std::count(said["names"].begin(), said["names"].end(), "[sleep]"), 0);
}

TEST_F(DumpForTools, APageIsOfStacksOnly) {
  const Outcome outcome = run(
      coroscope({"dump", std::to_string(target_.pid()), "--by", "coroutine", "--format", "html"}));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.errors.find("--by stack"), std::string::npos);
}

}  // namespace
}  // namespace coroscope::testing
