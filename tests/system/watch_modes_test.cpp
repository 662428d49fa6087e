// SPDX-License-Identifier: Apache-2.0
// What of a target's probes is observed: coroscope watch --probes, --sample, --parked-stacks.
#include <gtest/gtest.h>

#include <algorithm>

#include "churn_target.h"
#include "json_lines.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

json watched(pid_t pid, std::vector<std::string> options) {
  std::vector<std::string> arguments = {
      "watch", std::to_string(pid), "--for", "600ms", "-i", "200ms", "--json"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Outcome outcome = run(coroscope(arguments));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const auto lines = lines_of(outcome.output);
  EXPECT_EQ(lines.front()["type"], "attached");
  return lines.back()["targets"][0];
}

TEST(WatchModes, EachTellsWhatItDoes) {
  ChurnTarget target;
  for (const char* mode : {"census", "births", "full", "classic"}) {
    SCOPED_TRACE(mode);
    const json report = watched(target.pid(), {"--probes", mode});
    EXPECT_EQ(report["probes"], mode);
    EXPECT_EQ(report["completeness"], 1.0) << report["losses"];
    EXPECT_EQ(report["spawned"] > 0, std::string(mode) != "census");
    EXPECT_GT(report["live"], 0);
    EXPECT_GT(report["parked"], 0);
  }
  EXPECT_EQ(watched(target.pid(), {})["probes"], "full") << "the best that there is";
}

// One that waits counts for all of its sample, and who is in it follows from the id.
TEST(WatchModes, OfASampleTheWaitsAreEstimatedAndBirthsAreExact) {
  constexpr uint32_t sample = 4;
  for (const ProbeMode mode : {ProbeMode::full, ProbeMode::classic}) {
    SCOPED_TRACE(name_of(mode));
    ChurnTarget target;
    Observer observer(target.pid(), {.mode = mode, .sample = sample});
    ASSERT_TRUE(observer.observation);
    (void)target.pause();
    target.resume();
    const SiteCounts truth = target.pause();
    const Account account = observer.observation->account();
    const auto census = observer.observation->take_short_census();
    ASSERT_TRUE(census);
    EXPECT_EQ(account.live, static_cast<int64_t>(census->members.size()));
    const auto chosen =
        std::count_if(census->members.begin(), census->members.end(),
                      [](const Member& member) { return wire_sampled(member.id, sample) != 0; });
    EXPECT_EQ(account.parked, chosen * sample) << "all of them wait";
    EXPECT_GT(chosen, 0);
    EXPECT_EQ(account.losses.total(), 0u) << losses_of(account);
    const SiteCounts counted = counts_by_site(*observer.observation, account);
    for (const auto& [site, count] : truth) EXPECT_EQ(counted.at(site).live, count.live) << site;
    for (const StackBalance& row : account.stacks) EXPECT_EQ(row.events.parks % sample, 0u);
  }
}

TEST(WatchModes, EveryParkHasAPlaceIfItIsAskedFor) {
  ChurnTarget target;
  Observer observer(target.pid(), {.parked_stacks = true});
  ASSERT_TRUE(observer.observation);
  (void)target.pause();
  target.resume();
  (void)target.pause();
  const Account account = observer.observation->account();
  observer.observation->close_account();
  uint64_t parks = 0;
  for (const StackBalance& row : account.stacks) parks += row.events.parks;
  uint64_t placed = 0;
  for (const ParkCounters& place : observer.observation->accounting().parks()) {
    placed += place.parks;
  }
  EXPECT_EQ(placed, parks);
  const TargetReport report = observer.observation->report({});
  ASSERT_TRUE(report.waits.asked);
  ASSERT_FALSE(report.waits.places.empty());
  std::string functions;
  for (const ReportedWaits::Place& place : report.waits.places) {
    EXPECT_GT(place.ended, 0u);
    for (const ReportedFrame& frame : place.at) functions += frame.function + " ";
  }
  for (const char* function : {"queue_up", "rest", "drive"}) {
    EXPECT_NE(functions.find(function), std::string::npos) << function << " of " << functions;
  }
}

// Looks at 20,000 coroutines take more than a fiftieth of 10 ms.
TEST(WatchModes, LooksThatTakeMuchComeLessOftenAndTheCountersTellTheRest) {
  Child target({program("churn"), "--workers", "2", "--sites", "4", "--long", "5000"});
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = run(
      coroscope({"watch", std::to_string(target.pid()), "--for", "2s", "-i", "10ms", "--json"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  const auto lines = lines_of(outcome.output);
  const json& report = lines.back()["targets"][0];
  EXPECT_EQ(report["completeness"], 1.0) << report["losses"];
  EXPECT_GE(report["censuses"], 12);
  EXPECT_LT(report["censuses"].get<size_t>(), lines.size() - 2) << "of so many samples";
  uint64_t spawned = 0;
  for (const json& line : lines) {
    if (line["type"] != "sample") continue;
    EXPECT_GE(line["spawned"], spawned);
    spawned = line["spawned"];
    EXPECT_GE(line["live"], 20000);
  }
}

TEST(WatchModes, WhatCanNotBeIsRefusedWithTheReason) {
  ChurnTarget target;
  const std::string pid = std::to_string(target.pid());
  const std::vector<std::vector<std::string>> refused = {
      {"--probes", "some"},
      {"--sample", "1/0"},
      {"--sample", "10"},
      {"--sample", "1/4x"},
      {"--sample", "1/4", "--probes", "births"},
      {"--parked-stacks", "--probes", "classic"}};
  for (std::vector<std::string> options : refused) {
    std::vector<std::string> arguments = {"watch", pid, "--for", "1s"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = run(coroscope(arguments));
    EXPECT_EQ(outcome.code, 2) << options.back() << outcome.errors;
    EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
  }
}

}  // namespace
}  // namespace coroscope::testing
