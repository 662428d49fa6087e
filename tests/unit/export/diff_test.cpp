// SPDX-License-Identifier: Apache-2.0
#include "export/diff.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "small_dump.h"

namespace coroscope {
namespace {

// A second later, and one more waits.
class DiffForms : public ::testing::Test {
 protected:
  DiffForms() : before(two_waiting_one_running()), after(before) {
    before.process = after.process = "p";
    before.taken_unix_ns = 1'763'724'600 * second;
    after.taken_unix_ns = before.taken_unix_ns + second;
    after.records.push_back(after.records[0]);
    after.records.back().id = 7;
    after.records.back().wait_ns = second / 2;
  }

  static Judgement judgement(Verdict verdict, Ground ground) {
    Judgement judgement;
    judgement.verdict = verdict;
    judgement.ground = ground;
    judgement.per_second = 4.25;
    judgement.patience_ns = 5 * second;
    judgement.watched_ns = second;
    judgement.nats_needed = 14;
    judgement.growth = {.nats = 27, .came = 42, .until_ns = second};
    judgement.cohort = {.nats = 90, .expected = 33};
    return judgement;
  }
  std::string text(const Judgement* judgement) const {
    const DumpDiff changes = diff(before, after);
    return diff_text_change(changes, changes.changes.at(0), {7, detail()}, judgement);
  }
  nlohmann::json json(const Judgement* judgement) const {
    const DumpDiff changes = diff(before, after);
    return nlohmann::json::parse(
        diff_json_change(changes, changes.changes.at(0), {7, detail()}, judgement));
  }

  Dump before;
  Dump after;
};

TEST_F(DiffForms, ALeakIsSaidInFrontAndWhy) {
  const Judgement leak = judgement(Verdict::leak, Ground::patience);
  EXPECT_EQ(text(&leak),
            "LEAK  NEW AND BLOCKED  +1  chan receive, no sender   2 before, 3 after (1 born, 0 "
            "ended)   waiting for 500.0 ms\n"
            "  verdict     leak +4.2/s\n"
            "  because     it has grown at an undiminished rate for 5.0 s or more, and of those "
            "who came 0 left\n"
            "  parked at   fetch;all  fetch.cpp:57\n"
            "              serve      serve.cpp:12\n"
            "  spawned at  start  main.cpp:20\n"
            "  for example coroutine 7\n"
            "\n");
  const auto told = json(&leak);
  EXPECT_EQ(told["verdict"], "leak");
  EXPECT_EQ(told["ground"], "patience");
  EXPECT_EQ(told["per_second"], 4.25);
  EXPECT_EQ(told["judged_s"], 1.0);
  EXPECT_EQ(told["evidence"]["growth"]["came"], 42);
  EXPECT_EQ(told["evidence"]["cohort"]["expected"], 33.0);
  EXPECT_EQ(told["evidence"]["nats_needed"], 14.0);
}

TEST_F(DiffForms, WhatIsNoLeakSaysWhatItIs) {
  const struct {
    Verdict verdict;
    const char* lines;
  } cases[] = {
      {Verdict::backlog, "  verdict     backlog +4.2/s\n  because     its members leave, "},
      {Verdict::plateau, "  verdict     plateau +4.2/s\n  because     it grew, and does not any "},
      {Verdict::warming_up, "  verdict     grows +4.2/s\n  because     it grows, for too short a "},
      {Verdict::steady, "  verdict     steady +4.2/s\n  because     so few more may be"},
  };
  for (const auto& one : cases) {
    const Judgement other = judgement(one.verdict, Ground::none);
    EXPECT_NE(text(&other).find(one.lines), std::string::npos) << text(&other);
    EXPECT_TRUE(text(&other).starts_with("NEW AND BLOCKED  +1  "));
    EXPECT_EQ(json(&other)["verdict"], verdict_name(one.verdict));
    EXPECT_FALSE(json(&other).contains("ground"));
  }
  // As much as a leak, but for the time.
  Judgement grows = judgement(Verdict::warming_up, Ground::none);
  grows.stayed = 3;
  EXPECT_NE(text(&grows).find("too soon to tell it from a start-up"), std::string::npos);
}

TEST_F(DiffForms, WithoutAVerdictTheEndSaysWhy) {
  EXPECT_EQ(text(nullptr).find("verdict"), std::string::npos);
  EXPECT_FALSE(json(nullptr).contains("verdict"));
  EXPECT_FALSE(json(nullptr).contains("evidence"));
  const DumpDiff changes = diff(before, after);
  const DiffVerdicts none{.of = {}, .not_judged = "they are of two worlds", .remarks = {}};
  EXPECT_NE(diff_text_end(changes, none, {}).find("\nno verdicts: they are of two worlds\n"),
            std::string::npos)
      << diff_text_end(changes, none, {});
  EXPECT_EQ(nlohmann::json::parse(diff_json_end(changes, none, {}))["not_judged"],
            "they are of two worlds");
}

TEST_F(DiffForms, TheEndTellsWhatWasIgnoredAndWhatToKnow) {
  const DumpDiff changes = diff(before, after);
  const DiffVerdicts verdicts{.of = {}, .not_judged = "", .remarks = {"it may be a ramp"}};
  const std::vector<IgnoredRow> rows{{"'serve'", "--ignore-any", "", "", false, 1, 40}};
  EXPECT_EQ(diff_text_end(changes, verdicts, rows),
            "1 population is of as many coroutines as before\n"
            "ignored  40 coroutines in 1 finding by --ignore-any: 'serve'\n"
            "note  it may be a ramp\n"
            "completeness 100% before, 100% after\n");
  const auto end = nlohmann::json::parse(diff_json_end(changes, verdicts, rows));
  EXPECT_EQ(end["ignored"][0]["coroutines"], 40);
  EXPECT_EQ(end["remarks"][0], "it may be a ramp");
  EXPECT_FALSE(end.contains("not_judged"));
  const auto nothing = nlohmann::json::parse(diff_json_end(changes, {}, {}));
  EXPECT_FALSE(nothing.contains("ignored"));
  EXPECT_FALSE(nothing.contains("remarks"));
}

}  // namespace
}  // namespace coroscope
