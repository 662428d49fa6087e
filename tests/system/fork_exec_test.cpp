// SPDX-License-Identifier: Apache-2.0
// Targets that fork, or execute another program.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "churn_target.h"
#include "json_lines.h"
#include "probe_sites.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

constexpr int64_t waiting = 100;  // coroutines of the program, for ever

class Forking {
 public:
  explicit Forking(const std::string& successor = program("forking"))
      : child_({program("forking"), successor}) {
    EXPECT_EQ(child_.read_line(), "ready");
  }

  pid_t pid() const { return child_.pid(); }
  pid_t fork() {
    child_.write_line("fork");
    return std::stoi(child_.read_line().value_or("0"));
  }
  void churn() {
    child_.write_line("churn");
    EXPECT_EQ(child_.read_line(), "done");
  }
  void execute() { child_.signal(SIGUSR1); }
  Child& child() { return child_; }

 private:
  Child child_;
};

struct Sums {
  int64_t live = 0, spawned = 0, exited = 0;
};
Sums sums_of(const Account& account) {
  Sums sums;
  for (const StackBalance& row : account.stacks) {
    sums.live += row.live;
    sums.spawned += static_cast<int64_t>(row.events.spawned);
    sums.exited += static_cast<int64_t>(row.events.exited);
  }
  return sums;
}

class ForkByMode : public ::testing::TestWithParam<ProbeMode> {};
INSTANTIATE_TEST_SUITE_P(Modes, ForkByMode,
                         ::testing::Values(ProbeMode::full, ProbeMode::classic, ProbeMode::births),
                         [](const auto& mode) { return std::string(name_of(mode.param)); });

// What the child does all the time is not in the account of its parent, to the event.
TEST_P(ForkByMode, TheChildIsNotAmongThoseOfItsParent) {
  Forking target;
  const auto sites = probe_sites(target.pid());
  pid_t child = 0;
  {
    Observer observer(target.pid(), {.mode = GetParam()});
    ASSERT_TRUE(observer.observation);
    child = target.fork();
    ASSERT_GT(child, 0);
    for (int round = 0; round < 3; ++round) {
      target.churn();
      ASSERT_TRUE(observer.observation->tick());
    }
    const Account account = observer.observation->last_account();
    EXPECT_EQ(account.losses.total(), 0u) << "an audit against the census found nothing";
    const Sums sums = sums_of(account);
    EXPECT_EQ(sums.live, waiting);
    EXPECT_EQ(sums.spawned, 3 * 1001) << "and the one that started them";
    EXPECT_EQ(sums.exited, 3 * 1001);
  }
  EXPECT_TRUE(becomes_untouched(target.pid(), sites));
  EXPECT_TRUE(becomes_untouched(child, sites)) << "its memory is a copy, probes included";
}

// The same while events flow, of a child that works on its own, and ends: by the same places
// in the program, so what it did would be in the same rows.
TEST_P(ForkByMode, AChildThatWorksAndEndsLeavesNothingToItsParent) {
  StormTarget target;
  const auto sites = probe_sites(target.pid());
  {
    Observer observer(target.pid(), {.mode = GetParam()});
    ASSERT_TRUE(observer.observation);
    for (const int times : {1000, 10, 1}) {
      SCOPED_TRACE(times);
      EXPECT_EQ(target.fork(times), 0);
      const SiteCounts truth = target.pause();
      ASSERT_TRUE(observer.observation->tick());
      const Account account = observer.observation->last_account();
      EXPECT_EQ(counts_by_site(*observer.observation, account), truth);
      EXPECT_EQ(account.losses.total(), 0u) << losses_of(account);
      target.resume();
    }
  }
  EXPECT_TRUE(becomes_untouched(target.pid(), sites));
}

// It is a process like others: whoever asks for it gets it.
TEST(Fork, TheChildIsATargetOfItsOwn) {
  Forking target;
  const pid_t child = target.fork();
  ASSERT_GT(child, 0);
  Observer observer(child);
  ASSERT_TRUE(observer.observation);
  for (int i = 0; i < 1000 && sums_of(observer.observation->account()).exited < 5000; ++i) {
    usleep(10'000);
  }
  EXPECT_GE(sums_of(observer.observation->account()).exited, 5000);
  EXPECT_GE(sums_of(observer.observation->account()).live, waiting) << "copies, that wait for ever";
  EXPECT_TRUE(observer.observation->tick());
}

std::string dumped(pid_t pid) {
  const Outcome outcome = run(coroscope({"dump", std::to_string(pid), "--format", "json"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  return outcome.output;
}

TEST(Exec, EndsAStatAndAWatchWithOneLine) {
  for (const std::string command : {"stat", "watch"}) {
    SCOPED_TRACE(command);
    Forking target(program("sleeper"));
    Child observer(coroscope({command, std::to_string(target.pid()), "-i", "20ms", "--json"}));
    ASSERT_TRUE(observer.read_line());
    target.execute();
    EXPECT_EQ(observer.wait(), 4);
    const std::string errors = observer.errors();
    EXPECT_NE(errors.find("has executed another program"), std::string::npos) << errors;
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
  }
}

TEST(Exec, EndsADiffWithOneLine) {
  Forking target(program("sleeper"));
  const std::string pid = std::to_string(target.pid());
  const std::string execute =
      "kill -USR1 " + pid + "; until grep -q sleeper /proc/" + pid + "/comm; do :; done";
  expect_refused(run(coroscope({"diff", pid, "--during", execute})), 4,
                 "has executed another program");
}

// Same number, same start time, same file: still its coroutines are others.
TEST(Exec, SavedDumpsOfBothProgramsAreOfTwoProcesses) {
  Forking target;
  const json before = lines_of(dumped(target.pid()))[0];
  const json again = lines_of(dumped(target.pid()))[0];
  EXPECT_EQ(before["process"], again["process"]);
  target.execute();
  EXPECT_EQ(target.child().read_line(), "ready");
  const json after = lines_of(dumped(target.pid()))[0];
  EXPECT_EQ(after["live"], waiting);
  EXPECT_NE(before["process"], after["process"]);
}

// At whatever moment: all of one program, or the reason why not.
TEST(Exec, ADumpMeanwhileIsWholeOrRefused) {
  Forking target;
  const std::string pid = std::to_string(target.pid());
  int whole = 0;
  for (int i = 0; i < 60; ++i) {
    Child observer(coroscope({"dump", pid, "--format", "json"}));
    usleep(static_cast<useconds_t>(i * 500));
    target.execute();
    const int code = observer.wait();
    EXPECT_EQ(target.child().read_line(), "ready");
    const std::string errors = observer.errors();
    SCOPED_TRACE(errors);
    const auto lines = lines_of(observer.output());
    if (!lines.empty()) {
      EXPECT_LE(lines[0]["live"], waiting + 1) << "of both programs";
      EXPECT_EQ(lines.back()["type"], "end");
      EXPECT_EQ(lines.back()["gone"], code == 4);
      ++whole;
    }
    EXPECT_TRUE(code == 0 || code == 4 || (code == 3 && lines.empty())) << code;
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), code != 0);
    EXPECT_EQ(errors.find("has executed another program") != std::string::npos, code == 4);
  }
  EXPECT_GT(whole, 0);
}

}  // namespace
}  // namespace coroscope::testing
