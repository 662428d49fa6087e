// SPDX-License-Identifier: Apache-2.0
// The verdicts of a dump, as forms tell them, and read back.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "export/dump_saved.h"
#include "small_dump.h"

namespace coroscope {
namespace {

Dump stuck_dump() {
  Dump dump = two_waiting_one_running();
  dump.process = "boot 4711 99";
  dump.uptime_ns = 90 * second;
  dump.verdicts[place_of(dump.records[0])] = {
      .verdict = "stuck",
      .cause = "a cycle of 2 coroutines, each of which waits for the next",
      .because = {"2 members were looked at, twice: stuck in the same wait"},
      .chain = {"coroutine 1 waits for 2 [chan receive, 0xa0]", "coroutine 2 waits for 1"},
      .fix = "take locks in one order everywhere"};
  return dump;
}

Result<SavedDump> read_back(const std::string& text) {
  std::istringstream input(text);
  return read_saved_dump(input, "saved.json");
}

// The second line, with other words in it.
std::string error_with(const std::string& from, const std::string& to) {
  const Dump dump = stuck_dump();
  std::string text = written(*json_dump(), by_stack(dump));
  text.replace(text.find(from), from.size(), to);
  const auto saved = read_back(text);
  return saved ? "none" : saved.error().message;
}

TEST(DumpVerdicts, InTextAreOfTheirGroup) {
  const Dump dump = stuck_dump();
  const std::string text = written(*text_dump(), by_stack(dump));
  EXPECT_NE(text.find("2 coroutines [chan receive, 10.0 s to 20.0 s]\n"
                      "  verdict     stuck: a cycle of 2 coroutines, each of which waits for the "
                      "next\n"
                      "  because     2 members were looked at, twice: stuck in the same wait\n"
                      "  waits for   coroutine 1 waits for 2 [chan receive, 0xa0]\n"
                      "              coroutine 2 waits for 1\n"
                      "  parked at   fetch;all  fetch.cpp:57\n"
                      "              serve      serve.cpp:12\n"
                      "  spawned at  start  main.cpp:20\n"
                      "  usual fix   take locks in one order everywhere\n"
                      "  for example coroutine 2\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("verdict", text.find("[running]")), std::string::npos);
}

TEST(DumpVerdicts, WithoutACauseAreOneWord) {
  Dump dump = two_waiting_one_running();
  dump.verdicts[place_of(dump.records[0])] = {"may leak", "", {"40 came"}, {}, ""};
  const std::string text = written(*text_dump(), by_stack(dump));
  EXPECT_NE(text.find("  verdict     may leak\n  because     40 came\n  parked at"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("usual fix"), std::string::npos);
}

TEST(DumpVerdicts, InJsonHaveTheFieldsOfFindings) {
  const Dump dump = stuck_dump();
  std::istringstream lines(written(*json_dump(), by_stack(dump)));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(nlohmann::json::parse(line)["uptime_s"], 90.0);
  std::getline(lines, line);
  const auto group = nlohmann::json::parse(line);
  EXPECT_EQ(group["verdict"], "stuck");
  EXPECT_EQ(group["cause"], "a cycle of 2 coroutines, each of which waits for the next");
  EXPECT_EQ(group["because"].size(), 1u);
  EXPECT_EQ(group["chain"].size(), 2u);
  EXPECT_EQ(group["fix"], "take locks in one order everywhere");
  std::getline(lines, line);
  const auto running = nlohmann::json::parse(line);
  for (const char* field : {"verdict", "cause", "because", "chain", "fix"}) {
    EXPECT_FALSE(running.contains(field)) << field;
  }
}

TEST(DumpVerdicts, AreReadBack) {
  const Dump dump = stuck_dump();
  const auto saved = read_back(written(*json_dump(), by_stack(dump)));
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->dump.uptime_ns, dump.uptime_ns);
  EXPECT_EQ(saved->dump.verdicts.size(), 1u);
  const DumpVerdict* back = saved->dump.verdict_of(saved->dump.records[0]);
  ASSERT_NE(back, nullptr);
  EXPECT_EQ(back->chain, (dump.verdicts.begin()->second.chain));
  const DumpPage page = by_stack(saved->dump);
  EXPECT_EQ(written(*text_dump(), page), written(*text_dump(), by_stack(dump)));
  EXPECT_EQ(written(*json_dump(), page), written(*json_dump(), by_stack(dump)));
}

TEST(DumpVerdicts, OfAFileAreNotTrusted) {
  EXPECT_NE(error_with("\"verdict\":\"stuck\"", "\"verdict\":7").find("'verdict' is 7"),
            std::string::npos);
  EXPECT_NE(error_with("[\"coroutine 1", "[5,\"coroutine 1").find("'chain' holds no text"),
            std::string::npos);
  EXPECT_NE(error_with("\"uptime_s\":90.0", "\"uptime_s\":-1").find("'uptime_s'"),
            std::string::npos);
  const Dump dump = stuck_dump();
  std::string text = written(*json_dump(), by_stack(dump));
  for (const char* words : {"take locks", "coroutine 2 waits", "2 members"}) {
    text.replace(text.find(words), 1, "\\u001b");
  }
  const auto saved = read_back(text);
  ASSERT_TRUE(saved);
  const DumpVerdict& verdict = saved->dump.verdicts.begin()->second;
  EXPECT_EQ(verdict.fix, "?ake locks in one order everywhere");
  EXPECT_EQ(verdict.chain.at(1), "?oroutine 2 waits for 1");
  EXPECT_TRUE(verdict.because.at(0).starts_with("? members"));
}

}  // namespace
}  // namespace coroscope
