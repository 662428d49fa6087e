// SPDX-License-Identifier: Apache-2.0
#include "export/verify.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

namespace coroscope {
namespace {

ReportedFrame frame(const std::string& function) {
  ReportedFrame frame;
  frame.function = function;
  frame.file = "/src/orders.cpp";
  frame.line = 7;
  return frame;
}

LeftGroup group() {
  LeftGroup group;
  group.count = 3;
  group.wait = "chan send";
  group.example.cause = "no receiver";
  group.shortest_wait_ns = 20'000'000;
  group.longest_wait_ns = 2'900'000'000;
  group.oldest_age_ns = 3'000'000'000;
  group.example_id = 12;
  group.parked_at.frames = {frame("send_order")};
  group.spawned_at.frames = {frame("accept_order")};
  return group;
}

VerifyReport report() {
  VerifyReport report;
  report.command = "./order_test --all";
  report.seen = 4;
  LeftProcess process;
  process.pid = 77;
  process.command = "./order_test --all";
  process.runtime = "coro 1.2";
  process.live = 6;
  process.before = 1;
  process.ignored = 1;
  process.may_be_ending = 1;
  process.groups = {group()};
  report.processes = {process};
  return report;
}

TEST(VerifyText, TellsWhoIsLeftAndWhoIsNot) {
  EXPECT_EQ(verify_text(report(), false),
            "LEFT  3 coroutines [chan send, no receiver, 20.0 ms to 2.9 s], oldest born 3.0 s "
            "before\n"
            "  parked at   send_order  orders.cpp:7\n"
            "  spawned at  accept_order  orders.cpp:7\n"
            "  for example coroutine 12 of pid 77\n"
            "\n"
            "pid 77  ./order_test --all  (coro 1.2)  6 coroutines at its end: 3 left, 1 there "
            "before, 1 ignored, 1 running or about to: not judged\n"
            "3 coroutines are left  (1 process with coroutines, of 4)\n");
}

TEST(VerifyText, TellsWhatIsNotKnown) {
  VerifyReport some = report();
  some.processes[0].groups.clear();
  some.processes[0].losses.torn = 2;
  some.processes[0].completeness = 0.75;
  some.unread = {"not allowed"};
  some.failed = 1;
  some.running = 2;
  some.command_end = "exit code 3";
  const std::string text = verify_text(some, false);
  for (const char* part :
       {"lost  2 coroutines changed during every read of them\ncompleteness 75.00%\n",
        "lost  not allowed\n", "note  1 process with coroutines failed by itself: not judged\n",
        "note  2 processes lived on after the command: not judged, they run on\n",
        "no coroutine is left  (2 processes with coroutines, of 4)\n",
        "the command failed by itself: exit code 3\n"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(VerifyJson, IsAnObjectALine) {
  std::istringstream lines(verify_json(report(), 1));
  std::vector<nlohmann::json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(objects.size(), 3u);
  EXPECT_EQ(objects[0]["type"], "leftover");
  EXPECT_EQ(objects[0]["count"], 3);
  EXPECT_EQ(objects[0]["longest_wait_s"], 2.9);
  EXPECT_EQ(objects[0]["parked_at"][0]["function"], "send_order");
  EXPECT_EQ(objects[1]["type"], "process");
  EXPECT_EQ(objects[1]["left"], 3);
  EXPECT_EQ(objects[1]["may_be_ending"], 1);
  EXPECT_EQ(objects[2]["type"], "verify");
  EXPECT_EQ(objects[2]["exit_code"], 1);
  EXPECT_EQ(objects[2]["processes"], 4);
}

TEST(VerifyJunit, HasACaseForEachGroupAndOneForTheCommand) {
  VerifyReport some = report();
  EXPECT_NE(verify_junit(some).find("<testsuites tests=\"2\" failures=\"1\">"), std::string::npos);
  EXPECT_NE(verify_junit(some).find("name=\"chan send at send_order, spawned at accept_order\">\n"
                                    "      <failure message=\"3 coroutines [chan send, "),
            std::string::npos)
      << verify_junit(some);
  some.processes.clear();
  EXPECT_NE(verify_junit(some).find("<testsuites tests=\"2\" failures=\"0\">"), std::string::npos);
  EXPECT_NE(verify_junit(some).find("name=\"no coroutine is left\"/>"), std::string::npos);
  some.command_end = "exit code 3";
  EXPECT_NE(
      verify_junit(some).find("<failure message=\"the command failed by itself: exit code 3\">"),
      std::string::npos);
}

TEST(VerifyJunit, EscapesWhatATargetSays) {
  VerifyReport some = report();
  LeftGroup& hostile = some.processes[0].groups[0];
  hostile.parked_at.frames = {frame("a<b>&\"'\x01\xff\xef\xbf\xbe]]>")};
  hostile.named.asked = 1;
  hostile.named.names = {{"</failure>", 1}};
  some.command = "x \"&\n";
  const std::string xml = verify_junit(some);
  EXPECT_NE(xml.find("name=\"chan send at a&lt;b&gt;&amp;&quot;'???]]&gt;"), std::string::npos)
      << xml;
  EXPECT_EQ(xml.find("</failure>"), xml.rfind("</failure>"));
  EXPECT_NE(xml.find("&lt;/failure&gt;"), std::string::npos);
  for (const char c : xml) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
}

}  // namespace
}  // namespace coroscope
