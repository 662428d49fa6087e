// SPDX-License-Identifier: Apache-2.0
// The commands as people run them, on targets whose shape is known.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>

#include "churn_target.h"
#include "json_lines.h"
#include "probe_sites.h"

namespace coroscope::testing {
namespace {

using nlohmann::json;

std::vector<std::string> leak_ramp(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("leak_ramp"));
  return arguments;
}

Outcome watch(const Child& target, const std::string& length) {
  return run(
      coroscope({"watch", std::to_string(target.pid()), "--for", length, "-i", "250ms", "--json"}));
}

class Leak : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(On, Leak, ::testing::Values("send", "receive"));

TEST_P(Leak, IsFoundWithTheLinesWhereItWaitsAndWasBorn) {
  Child target(leak_ramp({"leak", "--rate", "200", "--on", GetParam()}));
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = watch(target, "8s");
  ASSERT_EQ(outcome.code, 1) << outcome.errors << outcome.output;
  const auto lines = lines_of(outcome.output);
  const json& report = lines.back();
  EXPECT_EQ(report["type"], "report");
  EXPECT_EQ(report["leaks"], 1);
  const json& found = report["targets"][0];
  EXPECT_EQ(found["completeness"], 1.0) << found["losses"];
  const json& finding = found["findings"][0];
  EXPECT_EQ(finding["verdict"], "leak");
  const bool send = GetParam() == std::string("send");
  EXPECT_EQ(finding["reason"], send ? "chan send" : "chan receive");
  EXPECT_EQ(finding["cause"], send ? "no receiver" : "no sender");
  EXPECT_EQ(finding["left"], 0);
  EXPECT_NEAR(finding["per_second"].get<double>(), 200, 60);
  const auto parked = functions(finding["parked_at"]);
  ASSERT_FALSE(parked.empty());
  EXPECT_EQ(parked[0], send ? "send_for_ever" : "receive_for_ever");
  ASSERT_FALSE(functions(finding["spawned_at"]).empty());
  for (const char* stack : {"parked_at", "spawned_at"}) {
    for (const auto& frame : finding[stack]) {
      if (frame.value("runtime", false)) continue;
      EXPECT_GT(frame.value("line", 0), 0) << frame;
      break;
    }
  }
}

json only_finding(const Outcome& outcome) {
  const json report = lines_of(outcome.output).back();
  EXPECT_EQ(report["leaks"], 1) << outcome.errors << outcome.output;
  return report["targets"][0]["findings"][0];
}

// What a stack is for a fiber, the chain of co_awaits is for a task.
TEST(LeakOfTasks, IsFoundWithTheLineOfEachAwait) {
  Child target(leak_ramp({"leak", "--rate", "200", "--on", "task"}));
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = watch(target, "8s");
  const json finding = only_finding(outcome);
  EXPECT_EQ(finding["reason"], "chan receive");
  EXPECT_EQ(finding["cause"], "no sender");
  EXPECT_EQ(functions(finding["parked_at"]),
            (std::vector<std::string>{"read_row", "run_query", "serve_order"}));
  for (const json& frame : finding["parked_at"]) {
    if (frame.value("runtime", false)) continue;
    EXPECT_EQ(frame["await"], true) << frame;
    EXPECT_GT(frame["line"], 0) << frame;
    EXPECT_NE(frame["file"].get<std::string>().find("leak_ramp.cpp"), std::string::npos) << frame;
  }
  const auto spawned = functions(finding["spawned_at"]);
  ASSERT_FALSE(spawned.empty());
  EXPECT_EQ(spawned[0], "start_task");
  const json& named = finding["named"];
  EXPECT_EQ(named["names"][0]["name"], "order");
  EXPECT_EQ(named["names"][0]["members"], named["asked"]);
  EXPECT_EQ(named["labels"][0]["key"], "tenant");
  EXPECT_EQ(named["labels"][0]["value"], "a");
}

TEST(LeakOfSelects, IsFoundWithWhatWouldEndIt) {
  Child target(leak_ramp({"leak", "--rate", "200", "--on", "select"}));
  ASSERT_EQ(target.read_line(), "ready");
  const json finding = only_finding(watch(target, "8s"));
  EXPECT_EQ(finding["reason"], "select");
  ASSERT_FALSE(functions(finding["parked_at"]).empty());
  EXPECT_EQ(functions(finding["parked_at"])[0], "select_for_ever");
  EXPECT_EQ(finding["select_cases"].size(), 3u) << finding["select_cases"];
}

// An allow list: who is on it is counted, and no leak any more.
TEST(LeakThatIsAllowed, IsLeftOutAndCounted) {
  Child target(leak_ramp({"leak", "--rate", "200", "--on", "task"}));
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome =
      run(coroscope({"watch", std::to_string(target.pid()), "--for", "8s", "-i", "250ms", "--json",
                     "--ignore-top", "^nobody$", "--ignore-label", "tenant=a"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors << outcome.output;
  const json report = lines_of(outcome.output).back();
  EXPECT_EQ(report["leaks"], 0);
  const json& ignored = report["targets"][0]["ignored"];
  ASSERT_EQ(ignored.size(), 2u) << ignored;
  EXPECT_EQ(ignored[0]["source"], "--ignore-top");
  EXPECT_EQ(ignored[0]["findings"], 0);
  EXPECT_EQ(ignored[1]["asks"], "'tenant=a'");
  EXPECT_GT(ignored[1]["findings"], 0);
  EXPECT_GT(ignored[1]["coroutines"], 1000);
}

// The scheduler line: what the workers do, and what waits for them.
TEST(Watch, SamplesTellOfTheScheduler) {
  Child target(leak_ramp({"steady", "--rate", "1000", "--workers", "2"}));
  ASSERT_EQ(target.read_line(), "ready");
  const auto lines = lines_of(watch(target, "2s").output);
  std::uint64_t samples = 0;
  for (const json& line : lines) {
    if (line["type"] != "sample") continue;
    ++samples;
    const json& scheduler = line["schedulers"].at(0);
    EXPECT_EQ(scheduler["threads"], 2) << line;
    ASSERT_EQ(scheduler["workers"].size(), 2u) << line;
    EXPECT_GT(scheduler["timers"], 0) << line;
    EXPECT_GT(scheduler["workers"][0]["dispatches"].get<std::uint64_t>() +
                  scheduler["workers"][1]["dispatches"].get<std::uint64_t>(),
              0u);
  }
  EXPECT_GT(samples, 0u);
}

TEST(NoLeak, AStartUpRampThatLevelsOff) {
  Child target(leak_ramp({"ramp", "--rate", "300", "--seconds", "4"}));
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = watch(target, "9s");
  EXPECT_EQ(outcome.code, 0) << outcome.errors << outcome.output;
  const json report = lines_of(outcome.output).back();
  EXPECT_EQ(report["leaks"], 0);
  EXPECT_EQ(report["targets"][0]["findings"][0]["verdict"], "plateau");
}

TEST(NoLeak, ABusySteadyServer) {
  Child target(leak_ramp({"steady", "--rate", "1000"}));
  ASSERT_EQ(target.read_line(), "ready");
  const Outcome outcome = watch(target, "7s");
  EXPECT_EQ(outcome.code, 0) << outcome.errors << outcome.output;
  const json report = lines_of(outcome.output).back();
  EXPECT_EQ(report["leaks"], 0);
  EXPECT_GT(report["targets"][0]["exited"], 1000);
}

TEST(Watch, EveryLineHasATypeAndTheReportIsTheLast) {
  ChurnTarget target;
  const Outcome outcome = run(
      coroscope({"watch", std::to_string(target.pid()), "--for", "1s", "-i", "100ms", "--json"}));
  EXPECT_EQ(outcome.code, 0) << outcome.errors;
  EXPECT_NE(outcome.errors.find("too short for a verdict"), std::string::npos) << outcome.errors;
  const auto lines = lines_of(outcome.output);
  ASSERT_GE(lines.size(), 5u);
  EXPECT_EQ(lines.front()["type"], "attached");
  for (size_t i = 1; i + 1 < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["type"], "sample");
    EXPECT_EQ(lines[i]["pid"], target.pid());
    EXPECT_EQ(lines[i]["completeness"], 1.0) << lines[i]["losses"];
  }
  EXPECT_EQ(lines.back()["type"], "report");
  EXPECT_EQ(lines.back()["targets"][0]["judged"], false);
}

// What the audit is for: a target whose table and events disagree.
TEST(Watch, CoroutinesThatNoEventNamedAreFound) {
  Child target({program("corrupt_table"), "new_stack"});
  ASSERT_EQ(target.read_line(), "ready");
  Child observer(coroscope(
      {"watch", std::to_string(target.pid()), "--json", "-i", "50ms", "--completeness", "1"}));
  ASSERT_TRUE(observer.read_line());
  target.write_line("change");
  ASSERT_EQ(target.read_line(), "changed");
  uint64_t unaccounted = 0;
  for (int looks = 0; looks < 100 && unaccounted == 0; ++looks) {
    const auto line = observer.read_line();
    ASSERT_TRUE(line);
    unaccounted = json::parse(*line)["losses"]["unaccounted"];
  }
  EXPECT_GT(unaccounted, 0u);
  observer.signal(SIGINT);
  EXPECT_EQ(observer.wait(), 3) << "that nothing was found is worth nothing then";
  const json report = lines_of(observer.output()).back()["targets"][0];
  EXPECT_LT(report["completeness"], 1.0);
  EXPECT_EQ(report["withheld"], true);
  EXPECT_NE(report["what_would_help"].get<std::string>().find("does not fit"), std::string::npos);
}

TEST(Watch, ATableThatCanNoLongerBeReadIsALoss) {
  Child target({program("corrupt_table"), "goes_odd"});
  ASSERT_EQ(target.read_line(), "ready");
  Child observer(coroscope({"watch", std::to_string(target.pid()), "--json", "-i", "50ms"}));
  const auto attached = observer.read_line();
  ASSERT_TRUE(attached);
  EXPECT_EQ(json::parse(*attached)["completeness"], 1.0) << *attached;
  target.write_line("change");
  ASSERT_EQ(target.read_line(), "changed");
  double completeness = 1;
  for (int looks = 0; looks < 100 && completeness == 1; ++looks) {
    const auto line = observer.read_line();
    ASSERT_TRUE(line);
    completeness = json::parse(*line)["completeness"];
  }
  EXPECT_LT(completeness, 1.0);
  observer.signal(SIGINT);
  observer.wait();
}

TEST(Watch, ASecondSignalIsNotNeededAndTheReportComes) {
  ChurnTarget target;
  Child observer(coroscope({"watch", std::to_string(target.pid()), "--json", "-i", "1h"}));
  ASSERT_TRUE(observer.read_line());
  observer.signal(SIGINT);
  EXPECT_EQ(observer.wait(), 0);
  EXPECT_NE(observer.output().find("\"type\":\"report\""), std::string::npos);
}

TEST(Watch, ParkDurationsAreThoseOfTheTarget) {
  ChurnTarget target;  // sleeps for 50 us to 3 ms
  const Outcome outcome =
      run(coroscope({"watch", std::to_string(target.pid()), "--for", "2s", "--json"}));
  uint64_t in_range = 0;
  uint64_t all = 0;
  const json report = lines_of(outcome.output).back();
  for (const auto& row : report["targets"][0]["spawn_stacks"]) {
    uint64_t of_row = 0;
    for (const auto& bucket : row["park_ns_histogram"]) {
      of_row += bucket[1].get<uint64_t>();
      const auto upper = bucket[0].get<uint64_t>();
      if (upper >= 65'536 && upper <= 67'108'864) in_range += bucket[1].get<uint64_t>();
    }
    EXPECT_EQ(of_row, row["unparks"].get<uint64_t>()) << "each unpark has its duration";
    all += of_row;
  }
  EXPECT_GT(all, 1000u);
  EXPECT_GT(in_range, all * 8 / 10);
}

TEST(Watch, TheTextFormNamesTheLeakAtOnceAndAtTheEnd) {
  Child target(leak_ramp({"leak", "--rate", "200"}));
  ASSERT_EQ(target.read_line(), "ready");
  // Without --for a leak is told when it is found.
  Child observer(
      coroscope({"watch", std::to_string(target.pid()), "-i", "250ms", "--patience", "3s"}));
  const auto line = observer.read_line();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->find("GROWS  chan send, no receiver"), 0u) << *line;
  for (auto next = observer.read_line(); next && next->find("LEAK  chan send, no receiver") != 0;
       next = observer.read_line()) {
    EXPECT_EQ(next->find("completeness"), std::string::npos) << "the report came before the leak";
  }
  observer.signal(SIGINT);
  EXPECT_EQ(observer.wait(), 1);
  EXPECT_NE(observer.output().find("completeness 100%"), std::string::npos) << observer.output();
  EXPECT_NE(observer.output().find("send_for_ever"), std::string::npos) << observer.output();
  EXPECT_EQ(observer.output().find('\x1b'), std::string::npos) << "colour, but no terminal";
}

TEST(Doctor, MeasuresWhatWatchingAProcessWouldCost) {
  ChurnTarget target;
  const std::string pid = std::to_string(target.pid());
  const auto sites = probe_sites(target.pid());
  const Outcome text = run(coroscope({"doctor", pid}));
  EXPECT_EQ(text.code, 0) << text.errors;
  EXPECT_NE(text.output.find("`coroscope watch " + pid + "` takes full."), std::string::npos)
      << text.output;
  const Outcome outcome = run(coroscope({"doctor", pid, "--json"}));
  const json costs = lines_of(outcome.output).back();
  EXPECT_EQ(costs["type"], "costs");
  EXPECT_GT(costs["births_per_s"], 0) << costs;
  EXPECT_GT(costs["waits_per_s_at_most"], 0) << costs;
  for (const char* mode : {"births", "full", "classic"}) {
    EXPECT_TRUE(costs["probes"][mode]["offered"]) << costs;
    EXPECT_GT(costs["probes"][mode]["event_ns"], 0) << costs;
    EXPECT_GT(costs["probes"][mode]["cores"], 0) << costs;
  }
  EXPECT_TRUE(becomes_untouched(target.pid(), sites)) << "it attaches to nothing but itself";
  EXPECT_EQ(run(coroscope({"doctor", "1"})).code, 3);
  EXPECT_EQ(run(coroscope({"doctor", "zero"})).code, 2);
}

TEST(Doctor, SeesThatItWorksHere) {
  const Outcome outcome = run(coroscope({"doctor"}));
  EXPECT_EQ(outcome.code, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("3 events arrived"), std::string::npos) << outcome.output;
  for (const json& line : lines_of(run(coroscope({"doctor", "--json"})).output)) {
    EXPECT_EQ(line["type"], "check");
    EXPECT_EQ(line["status"], "ok") << line;
  }
}

}  // namespace
}  // namespace coroscope::testing
