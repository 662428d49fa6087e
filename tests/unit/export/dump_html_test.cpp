// SPDX-License-Identifier: Apache-2.0
// The page is run by a real JavaScript engine, on what is really in it.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "small_dump.h"

namespace coroscope {
namespace {

// What flame_graph_check.js says of the page.
nlohmann::json checked(const std::string& page, const std::string& pattern) {
  const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  const std::string path =
      ::testing::TempDir() + "flame_graph_" + name + "_" + std::to_string(getpid()) + ".html";
  std::ofstream(path, std::ios::binary) << page;
  const std::string command =
      "node '" FLAME_GRAPH_CHECK "' '" + path + "' '" + pattern + "'";  // pattern: ours
  std::string output;
  FILE* node = popen(command.c_str(), "r");
  if (node == nullptr) return {};
  char buffer[4096];
  for (size_t read; (read = fread(buffer, 1, sizeof buffer, node)) > 0;) {
    output.append(buffer, read);
  }
  const int status = pclose(node);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
  std::remove(path.c_str());
  const nlohmann::json said = nlohmann::json::parse(output, nullptr, false);
  EXPECT_FALSE(said.is_discarded()) << output;
  return said;
}

TEST(HtmlDump, IsAFlameGraphOfTheGroups) {
  const Dump dump = two_waiting_one_running();
  const nlohmann::json page = checked(written(*html_dump(), by_stack(dump)), "fetch");
  EXPECT_EQ(page["title"], "coroscope dump 4711");
  EXPECT_EQ(page["coroutines"], 3);
  EXPECT_EQ(page["names"],
            nlohmann::json::array({"all", "serve", "fetch;all", "[chan receive]", "[running]"}));
  EXPECT_EQ(page["places"],
            nlohmann::json::array({"", "/src/serve.cpp:12", "/src/fetch.cpp:57", "", ""}));
  EXPECT_EQ(page["waits_ms"], nlohmann::json::array({20'000, 20'000, 20'000, 20'000, 0}));
  EXPECT_EQ(page["found"], nlohmann::json::array({"fetch;all"}));
  EXPECT_EQ(page["coroutines_found"], 2);
  EXPECT_EQ(page["highlighted"], 1);
  EXPECT_EQ(page["said"], "2 of 3 coroutines match (66.67%)");
}

TEST(HtmlDump, ASearchCountsEachCoroutineOnce) {
  const Dump dump = two_waiting_one_running();
  const nlohmann::json page = checked(written(*html_dump(), by_stack(dump)), "cpp:|CHAN");
  EXPECT_EQ(page["found"], nlohmann::json::array({"serve", "fetch;all", "[chan receive]"}));
  EXPECT_EQ(page["coroutines_found"], 2);
}

TEST(HtmlDump, StacksThatBeginAlikeAreOneFrame) {
  Dump dump = two_waiting_one_running();
  dump.parked_stacks[3].frames = {{"store", "/src/store.cpp", 3, 0x50},
                                  {"serve", "/src/serve.cpp", 12, 0x30}};
  dump.parked_stacks[4].frames = {{"serve", "/src/serve.cpp", 13, 0x60}};  // another line
  dump.records[1].parked_stack = 3;
  dump.records.push_back(dump.records[0]);
  dump.records.back().parked_stack = 4;
  const nlohmann::json page = checked(written(*html_dump(), by_stack(dump)), "serve.cpp:12");
  EXPECT_EQ(std::count(page["names"].begin(), page["names"].end(), "serve"), 2);
  EXPECT_EQ(page["coroutines"], 4);
  EXPECT_EQ(page["coroutines_found"], 2);
}

TEST(HtmlDump, LossesAreOnTop) {
  Dump dump = two_waiting_one_running();
  dump.losses.torn = 7;
  dump.parked_stacks[2].cut = "too deep";
  dump.records[0].parked_stack = unread_parked_stack;
  DumpPage page = by_stack(dump);
  page.groups.resize(2);
  const nlohmann::json said = checked(written(*html_dump(), page, 4), "cut|not read");
  const std::string notes = said["notes"];
  for (const char* part : {"pid 4711  order_server", "beyond --limit", "note  4 coroutines ended",
                           "lost", "completeness 30.00%"}) {
    EXPECT_NE(notes.find(part), std::string::npos) << part << " is not in: " << notes;
  }
  EXPECT_EQ(said["found"], nlohmann::json::array({"[stack not read]", "[cut]"}));
  EXPECT_EQ(said["coroutines_found"], 2);
}

// Functions, files and the command are whatever the target says.
TEST(HtmlDump, NothingThatATargetSaysIsMarkup) {
  const std::string markup = "</script><script>alert(1)</script><!--<script>";
  const std::string bytes = std::string("nul\0quote\"'`${x}\\u003c", 22) + "\xff\xe2\x80\xa8&amp;";
  Dump dump = two_waiting_one_running();
  dump.command = markup;
  dump.reasons[1] = markup;
  dump.parked_stacks[2].frames = {{markup, markup, 1, 0x10},
                                  {bytes, "/src/a.cpp", 2, 0x20},
                                  {"__proto__", "constructor", 3, 0x30},
                                  {std::string(100'000, 'x'), "/src/b.cpp", 4, 0x40}};
  const nlohmann::json page = checked(written(*html_dump(), by_stack(dump)), "alert");
  EXPECT_EQ(page["names"][4], markup);
  EXPECT_EQ(page["names"][3],
            std::string("nul\0quote\"'`${x}\\u003c", 22) + "\xef\xbf\xbd\xe2\x80\xa8&amp;");
  EXPECT_EQ(page["names"][2], "__proto__");
  EXPECT_EQ(page["names"][1], std::string(509, 'x') + "...");
  EXPECT_EQ(page["coroutines_found"], 2);
  EXPECT_NE(page["notes"].get<std::string>().find(markup), std::string::npos);
}

TEST(HtmlDump, IsBoundedAndSaysSo) {
  Dump dump = two_waiting_one_running();
  const DumpRecord first = dump.records.front();
  dump.records.clear();
  for (uint32_t i = 0; i < 500; ++i) {
    DumpedStack& stack = dump.parked_stacks[i + 2];
    stack.frames.clear();
    for (uint32_t depth = 0; depth < 50; ++depth) {
      stack.frames.push_back({"f" + std::to_string(i), "/src/a.cpp", depth, 0x10});
    }
    dump.records.push_back(first);
    dump.records.back().parked_stack = i + 2;
  }
  const HtmlBounds by_nodes{.nodes = 200};
  const HtmlBounds by_depth{.depth = 10};
  const HtmlBounds by_text{.text_bytes = 1000};
  const auto page_of = [&dump](const HtmlBounds& bounds) {
    return checked(written(*html_dump(bounds), by_stack(dump)), "nothing");
  };
  for (const HtmlBounds& bounds : {by_nodes, by_depth, by_text}) {
    const nlohmann::json page = page_of(bounds);
    EXPECT_EQ(page["coroutines"], 500) << "each is still counted";
    EXPECT_NE(page["notes"].get<std::string>().find("beyond what this page holds"),
              std::string::npos);
    EXPECT_LE(page["names"].size(), bounds.nodes);
    EXPECT_LE(page["depth"], bounds.depth);
  }
  const nlohmann::json whole = page_of({});
  EXPECT_EQ(whole["names"].size(), 1 + 500 * 51);
}

TEST(HtmlDump, OfNobodyIsAPageToo) {
  Dump dump;
  dump.pid = 1;
  const std::string page = written(*html_dump(), by_stack(dump));
  EXPECT_NE(page.find("0 coroutines"), std::string::npos);
}

}  // namespace
}  // namespace coroscope
