// SPDX-License-Identifier: Apache-2.0
// What a report says of how a process was observed, and of where it waits.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "export/json.h"
#include "export/text.h"
#include "leaking.h"

namespace coroscope {
namespace {

using testing::leaking;

// The line that begins with `word`, without its end.
std::string line_of(const TargetReport& report, const std::string& word) {
  const std::string text = "\n" + report_text({report}, {});
  const size_t at = text.find("\n" + word);
  return at == std::string::npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

TEST(ProbesText, SaysHowItWasCountedUnlessThatIsTheBest) {
  TargetReport report = leaking();
  report.account.mode = ProbeMode::births;
  EXPECT_NE(line_of(report, "completeness").find("50 ended since; probes: births)"),
            std::string::npos);
  report.account.mode = ProbeMode::full;
  report.account.sample = 16;
  EXPECT_NE(line_of(report, "completeness").find("ended since; waits of 1 coroutine in 16)"),
            std::string::npos);
  report.account.mode = ProbeMode::census;
  report.account.live = 77;
  EXPECT_EQ(line_of(report, "completeness"),
            "completeness 100%  (by looks alone, without probes: 77 were alive at the last)");
}

TEST(ProbesText, EventsThatWereLostAreTold) {
  TargetReport report = leaking();
  report.account.losses.events_unread = 5;
  report.account.losses.events_missed = 6;
  report.account.losses.events_skipped = 7;
  report.account.losses.rings_unread = 8;
  const std::string text = report_text({report}, {});
  for (const char* told : {"5 events could not be read", "6 events did not come",
                           "7 events happened while", "8 workers' latest events"}) {
    EXPECT_NE(text.find(told), std::string::npos) << told << " of " << text;
  }
  const auto json = nlohmann::json::parse(report_json({report}, 1))["targets"][0];
  EXPECT_EQ(json["losses"]["events_unread"], 5);
  EXPECT_EQ(json["losses"]["events_missed"], 6);
  EXPECT_EQ(json["losses"]["events_skipped"], 7);
  EXPECT_EQ(json["losses"]["rings_unread"], 8);
  EXPECT_EQ(json["probes"], "full");
  EXPECT_LT(json["completeness"], 1.0);
}

ReportedFrame frame(const char* function, uint32_t line) {
  ReportedFrame made;
  made.function = function;
  made.file = "/src/server.cpp";
  made.line = line;
  return made;
}

TEST(ProbesText, TheTimeThatIsSpentWaitingIsToldByPlace) {
  TargetReport report = leaking();
  EXPECT_EQ(line_of(report, "waited"), "") << "nobody asked";
  report.waits.asked = true;
  EXPECT_EQ(line_of(report, "waited"), "waited    nobody was woken while it was watched");
  report.waits.ended = 110;
  report.waits.parked_ns = 4'000'000'000;
  report.waits.places = {{7, {frame("rest", 43), frame("serve", 12)}, 10, 3'000'000'000},
                         {0, {}, 100, 1'000'000'000}};
  report.waits.other_places = 3;
  const std::string text = report_text({report}, {});
  EXPECT_NE(text.find("waited    4.0 s in all, in 110 waits that ended\n"
                      "   3.0 s   75%  10 waits of 300.0 ms at rest server.cpp:43, from serve\n"
                      "   1.0 s   25%  100 waits of 10.0 ms at an unknown place\n"
                      "          and 3 more places\n"),
            std::string::npos)
      << text;
  const auto json = nlohmann::json::parse(report_json({report}, 1))["targets"][0]["waits"];
  EXPECT_EQ(json["ended"], 110);
  EXPECT_EQ(json["places"][0]["stack_id"], 7);
  EXPECT_EQ(json["places"][0]["parked_ns"], 3'000'000'000);
  EXPECT_EQ(json["places"][0]["at"][0]["function"], "rest");
  EXPECT_EQ(json["other_places"], 3);
  EXPECT_EQ(json["unplaced"]["ended"], 0);

  report.waits.unplaced = 7;
  report.waits.unplaced_ns = 2'000'000'000;
  EXPECT_NE(report_text({report}, {})
                .find("   2.0 s        7 further waits, of which no place was told\n"),
            std::string::npos);
}

}  // namespace
}  // namespace coroscope
