// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "export/json.h"
#include "export/text.h"
#include "leaking.h"

namespace coroscope {
namespace {

using testing::leaking;

// Wall clock time is the one thing that differs from run to run.
std::string without_clock(std::string text) {
  const size_t at = text.find("oldest born ");
  const size_t end = text.find("   ", at);
  if (at != std::string::npos) text.replace(at, end - at, "oldest born TIME");
  return text;
}

TEST(Text, ALeakSaysWhatToFix) {
  EXPECT_EQ(
      without_clock(report_text({leaking()}, {})),
      "pid 4711  order_server --port 0  (coro 1.0, 2 workers)  watched 12.0 s\n"
      "\n"
      "LEAK  chan send, no receiver   +100.0/s, oldest born TIME   3104 live, 0 of 3104 left "
      "while watched   oldest wait 31.0 s\n"
      "  because     it has grown at an undiminished rate for 5.0 s or more, and of those who "
      "came 0 left\n"
      "  parked at   query_backend   server.cpp:57\n"
      "              query_all::$_0  server.cpp:81\n"
      "  spawned at  query_all       server.cpp:79\n"
      "              libx.so+0x1234\n"
      "\n"
      "completeness 100%  (1203 coroutines were alive before attach; all are counted; 100 "
      "born and 50 ended since)\n");
}

// The program's own function is the place, not the library's that it called.
TEST(Text, TheLibrarysFramesAreLeftOut) {
  TargetReport report = leaking();
  auto& parked = report.findings[0].parked_at;
  ReportedFrame frame;
  frame.function = "std::lock_guard<>::lock_guard";
  frame.file = "/usr/include/c++/12/bits/std_mutex.h";
  frame.line = 229;
  frame.library = true;
  parked.insert(parked.begin() + 1, frame);
  EXPECT_EQ(report_text({report}, {}), report_text({leaking()}, {}));
  const auto json = nlohmann::json::parse(report_json({report}, 1));
  EXPECT_EQ(json["targets"][0]["findings"][0]["parked_at"][1]["library"], true);
}

TEST(Text, ALeakSaysWhatItsMembersAreCalled) {
  TargetReport report = leaking();
  ReportedNames& named = report.findings[0].named;
  named = {256, {{"order-worker", 256}}, {{"tenant", "acme", 200}, {"request", "17", 1}}};
  std::string text = report_text({report}, {});
  EXPECT_NE(text.find("  named       order-worker\n  labelled    tenant=acme (200)\n  parked at"),
            std::string::npos)
      << text;
  named.names = {{"a", 100}, {"b", 90}, {"c", 3}, {"d", 1}};
  text = report_text({report}, {});
  EXPECT_NE(text.find("  named       a (100), b (90), c (3)  of 256 asked\n"), std::string::npos)
      << text;
}

TEST(Text, ALeakInASelectSaysWhatItWaitsFor) {
  TargetReport report = leaking();
  report.findings[0].select_cases = {"receive from channel 0xa0: no sender", "a timeout in 3.0 s"};
  std::string text = report_text({report}, {});
  EXPECT_NE(text.find("  waits for   receive from channel 0xa0: no sender\n"
                      "              a timeout in 3.0 s\n"),
            std::string::npos)
      << text;
  report.findings[0].select_cases.assign(12, "case");
  text = report_text({report}, {});
  EXPECT_NE(text.find("              and 4 more\n"), std::string::npos) << text;
}

TEST(Text, NothingGrowingSaysSo) {
  TargetReport report = leaking();
  report.findings.clear();
  EXPECT_NE(report_text({report}, {}).find("no leak found  (1253 live in 3 populations)\n"),
            std::string::npos);
}

TEST(Text, AWatchThatIsTooShortDoesNotSayThatThereIsNoLeak) {
  TargetReport report = leaking();
  report.findings.clear();
  report.judged = false;
  const std::string text = report_text({report}, {});
  EXPECT_NE(text.find("not judged: 13 looks in 12.0 s; a verdict needs 5 looks"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("no leak"), std::string::npos) << text;
}

TEST(Text, ALeakAmongMembersThatTurnOverShowsThoseWhoStayed) {
  TargetReport report = leaking();
  Judgement& judgement = report.findings[0].judgement;
  judgement.ground = Ground::outlived;
  judgement.beyond_ns = 6'000'000'000;
  judgement.shown_left = 4000;
  judgement.stayed = 120;
  EXPECT_NE(report_text({report}, {})
                .find("of 4000 that left, next to all did within 6.0 s; 120 are older, and of "
                      "those 0 left"),
            std::string::npos)
      << report_text({report}, {});
}

TEST(Text, ALeakOfSeveralPlacesShowsTheMainOne) {
  TargetReport report = leaking();
  report.findings[0].several_places = true;
  const std::string text = report_text({report}, {});
  EXPECT_NE(text.find("LEAK  waits in several places"), std::string::npos) << text;
  EXPECT_NE(text.find("  mostly at   query_backend"), std::string::npos) << text;
}

TEST(Text, GrowthThatIsNoLeakSaysWhy) {
  TargetReport report = leaking();
  report.findings[0].judgement.ground = Ground::none;
  report.findings[0].judgement.stayed = 0;
  for (const Verdict verdict :
       {Verdict::backlog, Verdict::plateau, Verdict::warming_up, Verdict::steady}) {
    report.findings[0].judgement.verdict = verdict;
    const std::string text = report_text({report}, {});
    EXPECT_NE(text.find(fmt::format("{:<10}  chan send", verdict_name(verdict))), std::string::npos)
        << text;
    EXPECT_EQ(text.find("LEAK"), std::string::npos) << text;
  }
}

TEST(Text, WhatMayBecomeALeakIsToldInFull) {
  TargetReport report = leaking();
  report.findings[0].judgement.verdict = Verdict::warming_up;
  report.findings[0].judgement.ground = Ground::none;
  const std::string text = report_text({report}, {});
  EXPECT_NE(text.find("GROWS  chan send, no receiver"), std::string::npos) << text;
  EXPECT_NE(text.find("too soon to tell"), std::string::npos) << text;
  EXPECT_NE(text.find("query_backend"), std::string::npos) << text;
  EXPECT_FALSE(report.has_fault());
}

TEST(Text, AVerdictIsWithheldWhereTooMuchWasLost) {
  TargetReport report = leaking();
  report.account.losses.window_full = 1000;
  report.floor = 0.95;
  ASSERT_TRUE(report.withheld());
  report.findings[0].withheld = true;
  EXPECT_FALSE(report.has_fault());
  const std::string text = report_text({report}, {});
  EXPECT_NE(text.find("WITHHELD (LEAK)  chan send"), std::string::npos) << text;
  EXPECT_NE(text.find("% complete, and they need 95% (see --completeness): too much happened "
                      "while the probes were put in"),
            std::string::npos)
      << text;
  const auto json = nlohmann::json::parse(report_json({report}, 3));
  EXPECT_EQ(json["leaks"], 0);
  EXPECT_EQ(json["targets"][0]["withheld"], true);
  EXPECT_EQ(json["targets"][0]["findings"][0]["verdict"], "withheld");
  EXPECT_EQ(json["targets"][0]["findings"][0]["would_be"], "leak");
  report.floor = 0.2;
  EXPECT_FALSE(report.withheld());
}

TEST(Text, ALossIsNeverRoundedAway) {
  TargetReport report = leaking();
  report.account.spawned = 1'000'000'000;
  report.account.losses.window_full = 1;
  const std::string text = report_text({report}, {});
  EXPECT_NE(text.find("completeness 99.99%"), std::string::npos) << text;
  EXPECT_NE(text.find("lost  1 events during the attach found the window full"), std::string::npos)
      << text;
  EXPECT_EQ(text.find("all are counted"), std::string::npos) << text;
}

TEST(Text, EveryLossHasALine) {
  TargetReport report = leaking();
  Losses& losses = report.account.losses;
  losses.census = {1001, 1002, 1003, 1004, 1005};
  losses.latest = {1006, 1007, 1008, 1009, 1010};
  losses.window_full = 1011;
  losses.bad_arguments = 1012;
  losses.missed_runs = 1013;
  losses.unaccounted = 1014;
  losses.unaccounted_parks = 1015;
  losses.stack_unmapped = 1016;
  losses.stacks_lost = 1017;
  losses.members_dropped = 1018;
  const std::string text = report_text({report}, {});
  for (int i = 1001; i <= 1018; ++i) {
    EXPECT_NE(text.find("lost  " + std::to_string(i) + " "), std::string::npos) << i;
  }
}

TEST(Text, ColourIsOnlyWhereItIsWanted) {
  EXPECT_EQ(report_text({leaking()}, {}).find('\x1b'), std::string::npos);
  EXPECT_NE(report_text({leaking()}, {.colour = true}).find('\x1b'), std::string::npos);
}

TEST(Json, TheReportHoldsEverything) {
  const std::string line = report_json({leaking()}, 1);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["type"], "report");
  EXPECT_EQ(json["exit_code"], 1);
  EXPECT_EQ(json["leaks"], 1);
  const auto& target = json["targets"][0];
  EXPECT_EQ(target["pid"], 4711);
  EXPECT_EQ(target["baseline"], 1203);
  EXPECT_EQ(target["completeness"], 1.0);
  const auto& finding = target["findings"][0];
  EXPECT_EQ(finding["verdict"], "leak");
  EXPECT_EQ(finding["reason"], "chan send");
  EXPECT_EQ(finding["cause"], "no receiver");
  EXPECT_EQ(finding["parked_at"][0]["runtime"], true);
  EXPECT_EQ(finding["parked_at"][1]["function"], "query_backend");
  EXPECT_EQ(finding["parked_at"][1]["line"], 57);
  EXPECT_EQ(finding["parked_at"][2]["inlined"], true);
  EXPECT_EQ(target["spawn_stacks"][0]["park_ns_histogram"][0][0], 2048);
  EXPECT_EQ(target["spawn_stacks"][0]["park_ns_histogram"][0][1], 2);
}

TEST(Json, WhatIsNotThereIsLeftOut) {
  const std::string line = report_json({leaking()}, 1);
  for (const char* field : {"named", "select_cases", "await"}) {
    EXPECT_EQ(line.find(field), std::string::npos) << field;
  }
}

TEST(Json, NamesCasesAndAwaits) {
  TargetReport report = leaking();
  ReportedFinding& leak = report.findings[0];
  leak.named = {256, {{"order-worker", 250}}, {{"tenant", "acme", 200}}};
  leak.select_cases = {"receive from channel nil: never"};
  leak.parked_at[1].await = true;
  const auto json = nlohmann::json::parse(report_json({report}, 1));
  const auto& finding = json["targets"][0]["findings"][0];
  EXPECT_EQ(finding["named"]["asked"], 256);
  EXPECT_EQ(finding["named"]["names"][0]["name"], "order-worker");
  EXPECT_EQ(finding["named"]["labels"][0]["value"], "acme");
  EXPECT_EQ(finding["named"]["labels"][0]["members"], 200);
  EXPECT_EQ(finding["select_cases"][0], "receive from channel nil: never");
  EXPECT_EQ(finding["parked_at"][1]["await"], true);
  EXPECT_FALSE(finding["parked_at"][2].contains("await"));
}

TEST(Json, SamplesHaveTheSchedulersFigures) {
  SampleRecord record;
  EXPECT_EQ(sample_json(record).find("schedulers"), std::string::npos);
  record.schedulers.emplace();
  EXPECT_TRUE(nlohmann::json::parse(sample_json(record))["schedulers"].empty());
  SchedulerFigures scheduler;
  scheduler.id = 1;
  scheduler.queued = 5;
  scheduler.workers.push_back({.queued = 3, .running = 17, .steals = 2});
  record.schedulers->running.push_back(scheduler);
  const auto json = nlohmann::json::parse(sample_json(record));
  EXPECT_EQ(json["schedulers"][0]["queued"], 5);
  EXPECT_EQ(json["schedulers"][0]["workers"][0]["running"], 17);
  EXPECT_EQ(json["schedulers"][0]["workers"][0]["steals"], 2);
  EXPECT_FALSE(json["schedulers"][0].contains("workers_unread"));
  EXPECT_FALSE(json.contains("schedulers_lost"));
}

TEST(Json, ACommandLineThatIsNotUtf8DoesNotThrow) {
  TargetReport report = leaking();
  report.command = "caf\xe9";
  EXPECT_NO_THROW(nlohmann::json::parse(report_json({report}, 0)));
}

TEST(Json, SamplesCarryTheirLosses) {
  SampleRecord record;
  record.pid = 1;
  record.account.live = 5;
  record.account.losses.census.torn = 2;
  const auto json = nlohmann::json::parse(sample_json(record));
  EXPECT_EQ(json["type"], "sample");
  EXPECT_EQ(json["live"], 5);
  EXPECT_EQ(json["losses"]["at_attach"]["torn"], 2);
  EXPECT_LT(json["completeness"], 1.0);
}

}  // namespace
}  // namespace coroscope
