// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "small_dump.h"

namespace coroscope {
namespace {

std::vector<nlohmann::json> lines_of(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(TextDump, ByStackCountsThoseAtTheSamePlace) {
  const Dump dump = two_waiting_one_running();
  EXPECT_EQ(written(*text_dump(), by_stack(dump)),
            "pid 4711  order_server --port 0  (coro 1.1, 2 workers)  3 coroutines: 2 parked, 1 "
            "running\n"
            "\n"
            "2 coroutines [chan receive, 10.0 s to 20.0 s]\n"
            "  parked at   fetch;all  fetch.cpp:57\n"
            "              serve      serve.cpp:12\n"
            "  spawned at  start  main.cpp:20\n"
            "  for example coroutine 2\n"
            "  waits on    0xa0: no sender\n"
            "\n"
            "1 coroutine [running]\n"
            "  parked at   (it runs: where is not known)\n"
            "  spawned at  start  main.cpp:20\n"
            "  for example coroutine 3\n"
            "\n"
            "completeness 100%  (3 coroutines, read in 3.4 ms)\n");
}

TEST(TextDump, ByCoroutineTellsOfEach) {
  const Dump dump = two_waiting_one_running();
  DumpPage page = by_coroutine(dump);
  page.filtered = true;
  page.records.resize(1);
  EXPECT_EQ(written(*text_dump(), page),
            "pid 4711  order_server --port 0  (coro 1.1, 2 workers)  3 coroutines: 2 parked, 1 "
            "running\n"
            "3 of them match\n"
            "\n"
            "coroutine 1 \"order\" [chan receive, 10.0 s]\n"
            "  labels      tenant=a\n"
            "              shop=7\n"
            "  waits on    0xa0: no sender\n"
            "  parked at   fetch;all  fetch.cpp:57\n"
            "              serve      serve.cpp:12\n"
            "  spawned at  start  main.cpp:20\n"
            "  created by  start in no coroutine, 1m00s ago\n"
            "\n"
            "and 2 coroutines, beyond --limit\n"
            "completeness 100%  (3 coroutines, read in 3.4 ms)\n");
}

TEST(TextDump, EveryLossHasALine) {
  Dump dump = two_waiting_one_running();
  dump.losses = {1001, 1002, 1003, 1004, 1005};
  dump.stacks_unread = 1006;
  dump.stacks_cut = 1007;
  dump.stacks_lost = 1008;
  dump.other_copies = 1009;
  dump.gone = true;
  const std::string text = written(*text_dump(), by_stack(dump), 1010);
  for (int i = 1001; i <= 1010; ++i) {
    EXPECT_NE(text.find("  " + std::to_string(i) + " "), std::string::npos) << i << text;
  }
  EXPECT_NE(text.find("the process ended meanwhile"), std::string::npos) << text;
  EXPECT_NE(text.find("completeness 0.06%"), std::string::npos) << text;
}

TEST(TextDump, AStackThatIsCutSaysWhere) {
  Dump dump = two_waiting_one_running();
  dump.parked_stacks[2].cut = "no call frame information";
  EXPECT_NE(written(*text_dump(), by_stack(dump))
                .find("serve.cpp:12\n              (cut here: no call frame information)\n"),
            std::string::npos);
}

TEST(JsonDump, ByStackHasStacksInEachGroup) {
  const Dump dump = two_waiting_one_running();
  const auto lines = lines_of(written(*json_dump(), by_stack(dump), 4));
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0]["type"], "dump");
  EXPECT_EQ(lines[0]["live"], 3);
  EXPECT_EQ(lines[0]["running"], 1);
  EXPECT_EQ(lines[0]["groups"], 2);
  EXPECT_EQ(lines[0]["completeness"], 1.0);
  EXPECT_EQ(lines[1]["type"], "group");
  EXPECT_EQ(lines[1]["count"], 2);
  EXPECT_EQ(lines[1]["reason"], "chan receive");
  EXPECT_EQ(lines[1]["longest_wait_s"], 20.0);
  EXPECT_EQ(lines[1]["example"]["cause"], "no sender");
  EXPECT_EQ(lines[1]["parked_complete"], true);
  EXPECT_EQ(lines[1]["parked_at"][0]["runtime"], true);
  EXPECT_EQ(lines[1]["spawned_at"][0]["line"], 20);
  EXPECT_EQ(lines[2]["state"], "running");
  EXPECT_EQ(lines[2]["parked_complete"], false);
  EXPECT_FALSE(lines[2].contains("parked_stack_id"));
  EXPECT_FALSE(lines[2].contains("reason"));
  EXPECT_EQ(lines[3]["type"], "end");
  EXPECT_EQ(lines[3]["names_unread"], 4);
}

TEST(JsonDump, ByCoroutineTellsEachStackOnce) {
  Dump dump = two_waiting_one_running();
  dump.parked_stacks[2].cut = "too deep";
  const auto lines = lines_of(written(*json_dump(), by_coroutine(dump)));
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines[1]["type"], "stack");
  EXPECT_EQ(lines[1]["kind"], "parked");
  EXPECT_EQ(lines[1]["complete"], false);
  EXPECT_EQ(lines[1]["cut"], "too deep");
  EXPECT_EQ(lines[2]["kind"], "spawn");
  EXPECT_EQ(lines[2]["complete"], true);
  EXPECT_EQ(lines[3]["type"], "coroutine");
  EXPECT_EQ(lines[3]["name"], "order");
  EXPECT_EQ(lines[3]["labels"][1]["value"], "7");
  EXPECT_EQ(lines[3]["object"], "0xa0");
  EXPECT_EQ(lines[3]["parked_stack_id"], 2);
  EXPECT_FALSE(lines[3].contains("parent")) << "from outside of any coroutine";
  EXPECT_EQ(lines[4]["parent"], 1);
  EXPECT_FALSE(lines[4].contains("name"));
  EXPECT_EQ(lines[5]["state"], "running");
  EXPECT_FALSE(lines[5].contains("wait_s"));
}

TEST(FoldedDump, CountsStacksOutermostFirst) {
  Dump dump = two_waiting_one_running();
  dump.records[0].spawn_stack = 0;  // another group, the same line
  EXPECT_EQ(written(*folded_dump(), by_stack(dump)),
            "[running] 1\n"
            "serve;fetch:all;[chan receive] 2\n");
}

TEST(FoldedDump, MarksWhatIsNotWhole) {
  Dump dump = two_waiting_one_running();
  dump.parked_stacks[2].cut = "too deep";
  dump.records[0].parked_stack = unread_parked_stack;
  EXPECT_EQ(written(*folded_dump(), by_stack(dump)),
            "[cut];serve;fetch:all;[chan receive] 1\n"
            "[running] 1\n"
            "[stack not read];[chan receive] 1\n");
}

}  // namespace
}  // namespace coroscope
