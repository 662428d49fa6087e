// SPDX-License-Identifier: Apache-2.0
#include "daemon/lifecycle.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace coroscope::daemon {
namespace {

constexpr uint64_t second = 1'000'000'000;

ReportedFinding leak(uint64_t live, const char* function = "query_all") {
  ReportedFinding finding;
  finding.judgement.verdict = Verdict::leak;
  finding.reason = "chan send";
  finding.live = live;
  ReportedFrame frame;
  frame.function = function;
  finding.spawned_at = {frame};
  return finding;
}

TargetReport report_of(std::vector<ReportedFinding> findings) {
  TargetReport report;
  report.findings = std::move(findings);
  return report;
}

TEST(FaultBook, AFaultIsOpenedOnceAndUpdatedWhenItHasDoubled) {
  FaultBook book;
  auto events = book.take(report_of({leak(100)}), 10 * second);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].is, VerdictEvent::Is::opened);
  EXPECT_EQ(events[0].opened_unix_ns, 10 * second);
  EXPECT_TRUE(book.take(report_of({leak(199)}), 11 * second).empty());
  events = book.take(report_of({leak(200)}), 12 * second);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].is, VerdictEvent::Is::updated);
  EXPECT_EQ(events[0].opened_unix_ns, 10 * second);
  EXPECT_TRUE(book.take(report_of({leak(399)}), 13 * second).empty());
}

TEST(FaultBook, AnotherVerdictOnTheSamePlaceIsAnUpdate) {
  FaultBook book;
  book.take(report_of({leak(100)}), second);
  ReportedFinding stuck = leak(100);
  stuck.judgement.verdict = Verdict::stuck;
  const auto events = book.take(report_of({stuck}), 2 * second);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].is, VerdictEvent::Is::updated);
  EXPECT_EQ(events[0].verdict, Verdict::stuck);
}

TEST(FaultBook, IsClosedOnceItWasGoneForAMinute) {
  FaultBook book;
  book.take(report_of({leak(100), leak(5, "other")}), second);
  EXPECT_EQ(book.open(), 2u);
  EXPECT_TRUE(book.take(report_of({leak(100)}), 30 * second).empty());
  const auto events = book.take(report_of({leak(100)}), 61 * second);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].is, VerdictEvent::Is::closed);
  EXPECT_EQ(events[0].id, fault_id(leak(5, "other")));
  EXPECT_EQ(book.open(), 1u);
}

TEST(FaultBook, AWithheldReportSaysNothing) {
  FaultBook book;
  book.take(report_of({leak(100)}), second);
  TargetReport withheld = report_of({});
  withheld.floor = 2;
  ASSERT_TRUE(withheld.withheld());
  EXPECT_TRUE(book.take(withheld, 1000 * second).empty());
  EXPECT_EQ(book.open(), 1u);
}

TEST(FaultBook, AClockThatGoesBackClosesNothing) {
  FaultBook book;
  book.take(report_of({leak(100)}), 1000 * second);
  EXPECT_TRUE(book.take(report_of({}), 10 * second).empty());
  EXPECT_TRUE(book.take(report_of({}), 69 * second).empty());
  EXPECT_EQ(book.take(report_of({}), 70 * second).size(), 1u);
}

TEST(FaultBook, TheEndOfTheProcessClosesAll) {
  FaultBook book;
  book.take(report_of({leak(100), leak(5, "other")}), second);
  EXPECT_EQ(book.close_all().size(), 2u);
  EXPECT_EQ(book.open(), 0u);
}

TEST(Lines, AreJsonWithWhatIsKnownOfTheProcess) {
  ProcessView process;
  process.pid = 7;
  process.service = {"orders", "0123456789ab"};
  process.facts.command_line = "order_server \xff";
  FaultBook book;
  const auto events = book.take(report_of({leak(100)}), second);
  const std::string text = verdict_line(process, events.at(0), 2 * second);
  ASSERT_TRUE(text.ends_with("\n"));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["event"], "verdict_opened");
  EXPECT_EQ(json["verdict"], "leak");
  EXPECT_EQ(json["time"], "1970-01-01T00:00:02.000Z");
  EXPECT_EQ(json["opened"], "1970-01-01T00:00:01.000Z");
  EXPECT_EQ(json["service"], "orders");
  EXPECT_EQ(json["live"], 100);
  EXPECT_EQ(nlohmann::json::parse(attached_line(process, second))["event"], "attached");
  EXPECT_EQ(nlohmann::json::parse(detached_line(process, "it ended", second))["why"], "it ended");
  EXPECT_EQ(nlohmann::json::parse(lost_line({8, "x", "no"}, second))["pid"], 8);
}

TEST(EventLog, CountsWhatItCanNotWrite) {
  auto log = EventLog::open("/dev/full");
  ASSERT_TRUE(log) << log.error().message;
  log->write("a line\n");
  EXPECT_EQ(log->lost(), 1u);
  EXPECT_FALSE(EventLog::open("/nowhere/events"));
  auto none = EventLog::open("");
  ASSERT_TRUE(none);
  none->write("a line\n");
  EXPECT_EQ(none->lost(), 0u);
}

}  // namespace
}  // namespace coroscope::daemon
