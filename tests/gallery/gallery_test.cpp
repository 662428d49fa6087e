// SPDX-License-Identifier: Apache-2.0
// The gallery's programs and their table agree, and the programs behave: that they
// leak what the table says is the business of tests/system/gallery_test.cpp.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "coro/reason.h"
#include "table.h"

namespace {

using gallery_table::Population;
using gallery_table::Row;

std::vector<std::string> words(const std::string& text, char separator) {
  std::vector<std::string> result;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, separator);) result.push_back(word);
  return result;
}

const std::vector<std::string> programs = words(GALLERY_CASES, ':');

std::vector<Row> table() {
  return gallery_table::read(GALLERY_SOURCES "/verdicts.json");
}

std::string source_of(const std::string& program) {
  std::ifstream in(GALLERY_SOURCES "/" + program + ".cpp");
  return {std::istreambuf_iterator<char>(in), {}};
}

// Started is one program that was started; its stderr comes with its stdout.
class Started {
 public:
  Started(const std::string& program, const std::string& arguments, const std::string& before = "")
      : pipe_(popen((before + GALLERY_PROGRAMS "/" + program + " " + arguments + " 2>&1").c_str(),
                    "r")) {}

  // One line; "" at the end.
  std::string read_line() {
    char line[4096] = "";
    if (std::fgets(line, sizeof line, pipe_.get()) == nullptr) return "";
    return line;
  }
  // Waits for the end; returns the exit code, or -1.
  int end() {
    const int status = pclose(pipe_.release());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  struct Close {
    void operator()(FILE* pipe) const { pclose(pipe); }
  };
  std::unique_ptr<FILE, Close> pipe_;
};

int pid_of(const std::string& ready) {
  int pid = 0;
  EXPECT_EQ(std::sscanf(ready.c_str(), "ready pid %d\n", &pid), 1) << ready;
  return pid;
}

TEST(Table, HasTwoRowsForEachProgramAndNoOthers) {
  std::multiset<std::string> expected;
  std::multiset<std::string> found;
  for (const std::string& program : programs) {
    expected.insert(program + " leak");
    expected.insert(program + " fixed");
  }
  for (const Row& row : table()) found.insert(row.program + " " + row.form);
  EXPECT_EQ(found, expected);
}

bool is_reason(const std::string& name) {
  for (std::uint32_t reason = 1; reason < 64; ++reason) {
    if (coro::reason_name(reason) == name) return true;
  }
  return false;
}

TEST(Table, UsesTheVocabularyOfReports) {
  const std::set<std::string> verdicts{"none",    "leak",    "stuck", "busy",
                                       "backlog", "plateau", "steady"};
  for (const Row& row : table()) {
    SCOPED_TRACE(row.program + " " + row.form);
    EXPECT_TRUE(verdicts.contains(row.verdict)) << row.verdict;
    const Population& main = row.populations[0];
    EXPECT_EQ(row.grows, main.growth_per_round > 0 && row.limit == 0);
    EXPECT_EQ(row.verdict == "none", main.parked_in.empty());
    for (const Population& population : row.populations) {
      EXPECT_TRUE(population.reason.empty() || is_reason(population.reason)) << population.reason;
    }
  }
}

// So that a function that is renamed is renamed in the table, too.
TEST(Table, NamesFunctionsThatAreThere) {
  for (const Row& row : table()) {
    SCOPED_TRACE(row.program + " " + row.form);
    const std::string source = source_of(row.program);
    for (const Population& population : row.populations) {
      EXPECT_NE(source.find(population.parked_in), std::string::npos) << population.parked_in;
      EXPECT_NE(source.find(population.spawned_in), std::string::npos) << population.spawned_in;
    }
  }
}

TEST(Program, SaysAtItsTopWhatItShowsAndIsShort) {
  for (const std::string& program : programs) {
    SCOPED_TRACE(program);
    const std::string source = source_of(program);
    EXPECT_LT(std::count(source.begin(), source.end(), '\n'), 120);
    for (const char* part : {"rong:", "Fix", "Verdict:", "gallery::fixed"}) {
      EXPECT_NE(source.find(part), std::string::npos) << part;
    }
  }
}

// The comment block from "Verdict:" on, as one line.
std::string verdict_of(const std::string& program) {
  std::istringstream in(source_of(program));
  std::string verdict;
  for (std::string line; std::getline(in, line) && line.starts_with("//");) {
    if (verdict.empty() && line.find("Verdict:") == std::string::npos) continue;
    for (const std::string& word : words(line.substr(2), ' ')) {
      if (!word.empty()) verdict += word + " ";
    }
  }
  return verdict;
}

TEST(Program, SaysAtItsTopTheVerdictsOfTheTable) {
  std::map<std::string, std::string> leaky_verdicts;
  for (const Row& row : table()) {
    SCOPED_TRACE(row.program + " " + row.form);
    const std::string said = verdict_of(row.program);
    if (row.form == "leak") {
      leaky_verdicts[row.program] = row.verdict;
      EXPECT_TRUE(said.starts_with("Verdict: " + row.verdict + ",")) << said;
      const Population& main = row.populations[0];
      EXPECT_NE(said.find(main.parked_in), std::string::npos) << said;
      if (main.reason.empty()) continue;
      EXPECT_NE(said.find('"' + main.reason + '"'), std::string::npos) << said;
    } else if (said.find("In both forms") != std::string::npos) {
      EXPECT_EQ(row.verdict, leaky_verdicts[row.program]);
    } else {
      EXPECT_NE(said.find("Fixed: " + row.verdict), std::string::npos) << said;
    }
  }
}

class Form : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Of, Form, ::testing::Values("leak", "fixed"),
                         [](const auto& form) { return std::string(form.param); });

TEST_P(Form, EveryProgramRunsPrintsOneLineAndEndsWhenItShould) {
  std::map<std::string, Started> runs;
  for (const std::string& program : programs) {
    runs.emplace(program, Started(program, "--" + std::string(GetParam()) + " --rate 50 --for 2"));
  }
  for (auto& [program, running] : runs) {
    SCOPED_TRACE(program);
    EXPECT_GT(pid_of(running.read_line()), 0);
    EXPECT_EQ(running.read_line(), "");
    EXPECT_EQ(running.end(), 0);
  }
}

TEST(Program, EndsCleanlyAtASignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Started running(programs.front(), "");
    const int pid = pid_of(running.read_line());
    ASSERT_GT(pid, 0);  // 0 would be all of us
    ASSERT_EQ(kill(pid, signal), 0);
    EXPECT_EQ(running.read_line(), "");
    EXPECT_EQ(running.end(), 0);
  }
}

// One whose rounds wait for an answer that never comes when descriptors run out.
TEST(Program, EndsInTimeWhateverItsLoadWaitsFor) {
  Started running("connection_never_closed", "--rate 1000 --for 1", "ulimit -n 64; ");
  pid_of(running.read_line());
  EXPECT_EQ(running.read_line(), "");
  EXPECT_EQ(running.end(), 0);
}

TEST(Program, RefusesBadArgumentsWithOneLine) {
  for (const char* arguments : {"--lek", "--rate", "--rate 0", "--rate 1x", "--for -1",
                                "--workers 0", "--workers 1025", "leak"}) {
    SCOPED_TRACE(arguments);
    Started running(programs.front(), arguments);
    EXPECT_TRUE(running.read_line().starts_with(programs.front() + ": "));
    EXPECT_EQ(running.read_line(), "");
    EXPECT_EQ(running.end(), 2);
  }
}

TEST(Program, ThatLosesAWorkerNeedsAnother) {
  Started running("busy_loop", "--workers 1");
  EXPECT_EQ(running.read_line(), "busy_loop: --workers takes a number from 2 to 1024\n");
  EXPECT_EQ(running.end(), 2);
}

}  // namespace
