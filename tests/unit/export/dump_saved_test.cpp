// SPDX-License-Identifier: Apache-2.0
#include "export/dump_saved.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>

#include "export/dump.h"

namespace coroscope {
namespace {

Dump some_dump() {
  Dump dump;
  dump.pid = 4711;
  dump.inner_pid = 7;
  dump.process = "boot 4711 99";
  dump.taken_unix_ns = 1'763'724'600'250'000'000;
  dump.command = "order_server --port 0";
  dump.runtime = "coro 1.1";
  dump.workers = 2;
  dump.census_ns = 3'400'000;
  dump.reasons = {{7, "chan receive"}};
  dump.parked_stacks[2] = {{{"coro::receive", "/rt/channel.h", 9, 0x10, false, true},
                            {"fetch", "/src/fetch.cpp", 57, 0x20, true}},
                           "too deep"};
  dump.spawn_stacks[1].frames = {{"start", "/src/main.cpp", 20, 0x40}};
  dump.losses.torn = 3;
  dump.stacks_lost = 4;
  dump.stacks_unread = 1;
  for (uint64_t id = 1; id <= 3; ++id) {
    DumpRecord record;
    record.id = id;
    record.parent_id = id - 1;
    record.age_ns = 60'000'000'000;
    record.slot = static_cast<uint32_t>(id - 1);
    record.spawn_stack = 1;
    record.activity = id == 3 ? Activity::running : Activity::parked;
    if (id != 3) {
      record.wait_ns = id * 1'500'000'000;
      record.object = 0xa0;
      record.reason = 7;
      record.parked_stack = id == 1 ? 2 : unread_parked_stack;
    }
    dump.records.push_back(record);
  }
  return dump;
}

DumpDetail detail_of_first() {
  DumpDetail detail;
  detail.name = "order";
  detail.labels = {{"tenant", "a"}};
  detail.cause = "no sender";
  detail.select_cases = {"receive from channel 0xa0"};
  return detail;
}

DumpPage page_of(const Dump& dump, bool grouped) {
  DumpPage page{.dump = dump, .grouped = grouped};
  page.records = filter(dump, {}, {});
  page.matched = page.records.size();
  if (!grouped) return page;
  page.groups = group(dump, page.records, DumpSort::count);
  page.groups_matched = page.groups.size();
  page.records.clear();
  return page;
}

std::string written(const DumpPage& page) {
  const auto encoder = json_dump();
  std::string text = encoder->begin(page);
  for (const DumpGroup& group : page.groups) {
    const bool first = group.example == 0;
    text += encoder->group(page, group, first ? detail_of_first() : DumpDetail{},
                           first ? ReportedNames{1, {{"order", 1}}, {}} : ReportedNames{});
  }
  for (const uint32_t i : page.records) {
    text +=
        encoder->coroutine(page, page.dump.records[i], i == 0 ? detail_of_first() : DumpDetail{});
  }
  return text + encoder->end(page, 5);
}

Result<SavedDump> read(const std::string& text) {
  std::istringstream input(text);
  return read_saved_dump(input, "saved.json");
}

std::string error_of(const std::string& text) {
  const auto saved = read(text);
  return saved ? "none" : saved.error().message;
}

void expect_equal(const ReportedStack& one, const ReportedStack& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].function, other[i].function);
    EXPECT_EQ(one[i].file, other[i].file);
    EXPECT_EQ(one[i].line, other[i].line);
    EXPECT_EQ(one[i].address, other[i].address);
    EXPECT_EQ(one[i].inlined, other[i].inlined);
    EXPECT_EQ(one[i].runtime, other[i].runtime);
  }
}

TEST(SavedDump, ByCoroutineIsReadBackWhole) {
  const Dump dump = some_dump();
  auto saved = read(written(page_of(dump, false)));
  ASSERT_TRUE(saved) << saved.error().message;
  const Dump& back = saved->dump;
  EXPECT_EQ(back.pid, dump.pid);
  EXPECT_EQ(back.inner_pid, dump.inner_pid);
  EXPECT_EQ(back.process, dump.process);
  EXPECT_EQ(back.taken_unix_ns, dump.taken_unix_ns);
  EXPECT_EQ(back.command, dump.command);
  EXPECT_EQ(back.runtime, dump.runtime);
  EXPECT_EQ(back.workers, dump.workers);
  EXPECT_EQ(back.census_ns, dump.census_ns);
  EXPECT_EQ(back.losses.torn, 3u);
  EXPECT_EQ(back.stacks_lost, 4u);
  EXPECT_EQ(back.stacks_unread, 1u);
  EXPECT_EQ(back.completeness(), dump.completeness());
  EXPECT_FALSE(back.only_groups);
  ASSERT_EQ(back.records.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const DumpRecord& one = dump.records[i];
    const DumpRecord& other = back.records[i];
    EXPECT_EQ(one.id, other.id);
    EXPECT_EQ(one.parent_id, other.parent_id);
    EXPECT_EQ(one.object, other.object);
    EXPECT_EQ(one.wait_ns, other.wait_ns);
    EXPECT_EQ(one.age_ns, other.age_ns);
    EXPECT_EQ(one.activity, other.activity);
    EXPECT_EQ(one.parked_stack, other.parked_stack);
    EXPECT_EQ(dump.reason_of(one.activity, one.reason),
              back.reason_of(other.activity, other.reason));
    expect_equal(dump.parked_stack(one.parked_stack).frames,
                 back.parked_stack(other.parked_stack).frames);
    expect_equal(dump.spawn_stack(one.spawn_stack).frames,
                 back.spawn_stack(other.spawn_stack).frames);
  }
  EXPECT_EQ(back.parked_stack(2).cut, "too deep");
  const DumpDetail told = saved->details->describe(back, back.records[0]);
  EXPECT_EQ(told.name, "order");
  EXPECT_EQ(told.cause, "no sender");
  EXPECT_EQ(told.labels.at(0).value, "a");
  EXPECT_EQ(told.select_cases.size(), 1u);
  EXPECT_TRUE(back.records[0].annotated);
  EXPECT_EQ(saved->details->unread(), 5u);
}

// What is read is written as it was.
TEST(SavedDump, ByCoroutineIsWrittenAsItWasRead) {
  const std::string first = written(page_of(some_dump(), false));
  const auto saved = read(first);
  ASSERT_TRUE(saved);
  EXPECT_EQ(written(page_of(saved->dump, false)), first);
}

TEST(SavedDump, ByStackIsReadBackAsGroups) {
  const Dump dump = some_dump();
  const std::string first = written(page_of(dump, true));
  auto saved = read(first);
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_TRUE(saved->dump.only_groups);
  EXPECT_EQ(saved->dump.records.size(), 3u);
  EXPECT_EQ(written(page_of(saved->dump, true)), first);
  EXPECT_EQ(saved->details->describe(saved->dump, saved->dump.records[0]).cause, "no sender");
  EXPECT_EQ(saved->details->count_names_of(saved->dump, {0}).names.size(), 1u);
}

TEST(SavedDump, KnowsHowManyAreNotInIt) {
  const Dump dump = some_dump();
  DumpPage page = page_of(dump, false);
  page.records.resize(1);
  const auto saved = read(written(page));
  ASSERT_TRUE(saved);
  EXPECT_EQ(saved->dump.left_out, 2u);
  EXPECT_EQ(saved->dump.live(), 3u);
  EXPECT_EQ(saved->dump.completeness(), dump.completeness());
}

TEST(SavedDump, ThatEndsEarlyIsRefused) {
  const std::string whole = written(page_of(some_dump(), false));
  EXPECT_NE(error_of("").find("saved.json: it is empty"), std::string::npos);
  const size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  EXPECT_NE(error_of(whole.substr(0, last)).find("ends early"), std::string::npos);
  // At any byte: an error, but for the newline at the end.
  for (size_t size = 0; size + 1 < whole.size(); ++size) {
    EXPECT_NE(error_of(whole.substr(0, size)), "none") << size;
  }
}

TEST(SavedDump, ErrorsNameTheLineAndWhatIsWrong) {
  const std::string begin = R"({"type":"dump","by":"coroutine","live":1})"
                            "\n";
  EXPECT_NE(error_of("PK\x03\x04").find("line 1 is no JSON object"), std::string::npos);
  EXPECT_NE(error_of("[1]\n").find("line 1"), std::string::npos);
  EXPECT_NE(error_of(R"({"type":"group"})").find("not of type 'dump'"), std::string::npos);
  EXPECT_NE(error_of(begin + R"({"type":"coroutine","state":"parked","id":-1})")
                .find("line 2: 'id' is -1"),
            std::string::npos);
  EXPECT_NE(error_of(begin + R"({"type":"coroutine","id":1,"state":"odd"})").find("'state'"),
            std::string::npos);
  EXPECT_NE(error_of(begin + R"({"type":"coroutine","id":1,"state":"parked","wait_s":1e300})")
                .find("'wait_s'"),
            std::string::npos);
  EXPECT_NE(error_of(begin + R"({"type":"coroutine","id":1,"state":"parked","object":"here"})")
                .find("'object'"),
            std::string::npos);
  EXPECT_NE(error_of(begin + R"({"type":"group","state":"parked","count":99999999999})")
                .find("more than 10000000 coroutines"),
            std::string::npos);
  EXPECT_NE(error_of(begin + begin).find("one file, one dump"), std::string::npos);
}

TEST(SavedDump, WhatIsNestedDeeplyIsAnErrorAndNoOverflow) {
  constexpr size_t depth = 300'000;  // recursion would need more than a stack
  const std::string nested = std::string(depth, '[') + std::string(depth, ']');
  const std::string begin = R"({"type":"dump","live":1})"
                            "\n";
  EXPECT_NE(error_of(R"({"type":"dump","pid":)" + nested + "}").find("'pid' is array"),
            std::string::npos);
  EXPECT_NE(error_of(R"({"type":"dump","losses":{"torn":)" + nested + "}}").find("'torn' is array"),
            std::string::npos);
  EXPECT_NE(
      error_of(begin + R"({"type":"group","state":"running","count":1,"example":)" + nested + "}")
          .find("'example' is no object"),
      std::string::npos);
  EXPECT_NE(error_of(begin + R"({"type":"unknown","what":)" + nested + "}").find("it ends early"),
            std::string::npos);
}

TEST(SavedDump, ATimeIsOneThatThereIs) {
  const auto taken = [](const std::string& time) {
    const auto saved = read(R"({"type":"dump","by":"coroutine","live":0,"taken":")" + time +
                            "\"}\n"
                            R"({"type":"end","shown":0})");
    return saved ? saved->dump.taken_unix_ns : 0;
  };
  EXPECT_EQ(taken("1970-01-01T00:00:01.25Z"), 1'250'000'000u);
  EXPECT_EQ(taken("1970-01-01T00:00:01Z"), 1'000'000'000u);
  EXPECT_EQ(taken("1970-01-01T00:00:01.1234567891Z"), 1'123'456'789u);
  EXPECT_EQ(taken("1970-01-01T00:00:01.1e400"), 1'100'000'000u);
  EXPECT_EQ(taken("9999-01-01T00:00:00Z"), 0u) << "refused";
}

TEST(SavedDump, TextsAreMadePrintable) {
  const auto saved = read(R"({"type":"dump","by":"coroutine","live":0,"command":"a\u001b[2Jb"})"
                          "\n"
                          R"({"type":"end","shown":0})");
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->dump.command, "a?[2Jb");
}

// Bytes of chance in a real one: an error or a dump, nothing worse.
TEST(SavedDump, ThatIsSpoiledDoesNoHarm) {
  std::mt19937 random(20261121);
  const std::string texts[] = {written(page_of(some_dump(), false)),
                               written(page_of(some_dump(), true))};
  for (int round = 0; round < 2000; ++round) {
    std::string text = texts[round % 2];
    for (int change = 0; change < 3; ++change) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    const auto saved = read(text);
    EXPECT_TRUE(!saved || saved->dump.records.size() <= max_saved_records);
  }
}

}  // namespace
}  // namespace coroscope
