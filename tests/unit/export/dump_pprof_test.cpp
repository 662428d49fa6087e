// SPDX-License-Identifier: Apache-2.0
// What is encoded is decoded again, by the numbers of profile.proto.
#include <gtest/gtest.h>
#define ZLIB_CONST  // what is read is not written
#include <zlib.h>

#include <limits>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <vector>

#include "export/profile_change.h"
#include "small_dump.h"

namespace coroscope {
namespace {

using protozero::pbf_reader;
using Names = std::vector<std::string>;

std::string inflated(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<const Bytef*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  std::string text;
  int result = Z_OK;
  while (result == Z_OK) {
    char buffer[4096];
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    result = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer, sizeof buffer - stream.avail_out);
  }
  EXPECT_EQ(result, Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u) << "something follows the profile";
  inflateEnd(&stream);
  return text;
}

struct Sample {
  std::vector<Names> stack;  // of each location its lines, as "function file:line"
  std::vector<int64_t> values;
  std::map<std::string, std::string> labels;
};

struct Profile {
  std::vector<std::string> strings;
  std::vector<Names> sample_types;
  std::vector<Sample> samples;
  Names comments;
  std::string default_sample_type;
  std::string program;
  int64_t time_ns = 0;
  int64_t duration_ns = 0;
  size_t functions = 0;
  size_t locations = 0;
};

// All fields of a message by their numbers; of a repeated one all.
struct Message {
  explicit Message(pbf_reader reader) {
    while (reader.next()) {
      if (reader.wire_type() == protozero::pbf_wire_type::varint) {
        numbers[reader.tag()].push_back(reader.get_uint64());
      } else {
        parts[reader.tag()].push_back(reader.get_view());
      }
    }
  }
  uint64_t number(uint32_t tag) const {
    const auto found = numbers.find(tag);
    return found == numbers.end() ? 0 : found->second.back();
  }
  std::vector<Message> messages(uint32_t tag) const {
    std::vector<Message> all;
    const auto found = parts.find(tag);
    if (found == parts.end()) return all;
    for (const auto& part : found->second) all.emplace_back(pbf_reader(part));
    return all;
  }
  std::vector<uint64_t> packed(uint32_t tag) const {
    std::vector<uint64_t> all;
    const protozero::data_view& view = parts.at(tag).at(0);
    for (const char* at = view.data(); at != view.data() + view.size();) {
      all.push_back(protozero::decode_varint(&at, view.data() + view.size()));
    }
    return all;
  }

  std::map<uint32_t, std::vector<uint64_t>> numbers;
  std::map<uint32_t, std::vector<protozero::data_view>> parts;
};

std::map<uint64_t, Names> locations_of(const Message& message, const Names& strings) {
  std::map<uint64_t, Message> functions;
  for (Message& function : message.messages(5)) functions.emplace(function.number(1), function);
  std::map<uint64_t, Names> locations;
  for (const Message& location : message.messages(4)) {
    Names lines;
    for (const Message& line : location.messages(4)) {
      const Message& function = functions.at(line.number(1));
      lines.push_back(strings.at(function.number(2)) + " " + strings.at(function.number(4)) + ":" +
                      std::to_string(line.number(2)));
    }
    EXPECT_TRUE(locations.emplace(location.number(1), lines).second);
  }
  EXPECT_FALSE(locations.contains(0));
  return locations;
}

Sample sample_of(const Message& message, const Names& strings,
                 const std::map<uint64_t, Names>& locations) {
  Sample sample;
  for (const uint64_t id : message.packed(1)) sample.stack.push_back(locations.at(id));
  for (const uint64_t value : message.packed(2)) {
    sample.values.push_back(static_cast<int64_t>(value));
  }
  for (const Message& label : message.messages(3)) {
    sample.labels[strings.at(label.number(1))] =
        label.number(3) != 0 ? std::to_string(label.number(3)) : strings.at(label.number(2));
  }
  return sample;
}

Profile decoded(const std::string& data) {
  const std::string bytes = inflated(data);
  const Message message{pbf_reader(bytes)};
  Profile profile;
  for (const auto& text : message.parts.at(6)) profile.strings.emplace_back(text);
  const Names& strings = profile.strings;
  for (const Message& type : message.messages(1)) {
    profile.sample_types.push_back({strings.at(type.number(1)), strings.at(type.number(2))});
  }
  const auto locations = locations_of(message, strings);
  for (const Message& sample : message.messages(2)) {
    profile.samples.push_back(sample_of(sample, strings, locations));
  }
  profile.duration_ns = static_cast<int64_t>(message.number(10));
  for (const uint64_t comment : message.numbers.at(13)) {
    profile.comments.push_back(strings.at(comment));
  }
  profile.default_sample_type = strings.at(message.number(14));
  profile.program = strings.at(message.messages(3).at(0).number(5));
  profile.time_ns = static_cast<int64_t>(message.number(9));
  profile.functions = message.messages(5).size();
  profile.locations = locations.size();
  return profile;
}

TEST(PprofDump, ByStackIsASampleAGroup) {
  Dump dump = two_waiting_one_running();
  dump.taken_unix_ns = 1'700'000'000 * second;
  const Profile profile = decoded(written(*pprof_dump(), by_stack(dump)));
  EXPECT_EQ(profile.strings.at(0), "");
  EXPECT_EQ(profile.sample_types,
            (std::vector<Names>{{"coroutines", "count"}, {"wait", "nanoseconds"}}));
  EXPECT_EQ(profile.default_sample_type, "coroutines");
  EXPECT_EQ(profile.program, "order_server");
  EXPECT_EQ(profile.time_ns, 1'700'000'000'000'000'000);
  ASSERT_EQ(profile.samples.size(), 2u);
  const Sample& waiting = profile.samples[0];
  EXPECT_EQ(waiting.stack,
            (std::vector<Names>{{"fetch;all /src/fetch.cpp:57"}, {"serve /src/serve.cpp:12"}}));
  EXPECT_EQ(waiting.values, (std::vector<int64_t>{2, 30'000'000'000}));
  EXPECT_EQ(waiting.labels,
            (std::map<std::string, std::string>{
                {"created_by", "start"}, {"reason", "chan receive"}, {"state", "parked"}}));
  const Sample& running = profile.samples[1];
  EXPECT_EQ(running.stack, (std::vector<Names>{{"[running] :0"}}));
  EXPECT_EQ(running.values, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(running.labels,
            (std::map<std::string, std::string>{{"created_by", "start"}, {"state", "running"}}));
}

TEST(PprofDump, ByCoroutineIsASampleEach) {
  const Dump dump = two_waiting_one_running();
  const Profile profile = decoded(written(*pprof_dump(), by_coroutine(dump)));
  ASSERT_EQ(profile.samples.size(), 3u);
  EXPECT_EQ(profile.samples[0].values, (std::vector<int64_t>{1, 10'000'000'000}));
  EXPECT_EQ(profile.samples[0].labels,
            (std::map<std::string, std::string>{{"id", "1"},
                                                {"name", "order"},
                                                {"tenant", "a"},
                                                {"shop", "7"},
                                                {"created_by", "start"},
                                                {"reason", "chan receive"},
                                                {"state", "parked"}}));
  EXPECT_EQ(profile.samples[1].labels.at("id"), "2");
  EXPECT_EQ(profile.samples[0].stack, profile.samples[1].stack);
  EXPECT_EQ(profile.locations, 3u) << "each place is told once";
  EXPECT_EQ(profile.functions, 3u);
}

TEST(PprofDump, WhatIsInlinedSharesALocation) {
  Dump dump = two_waiting_one_running();
  ReportedStack& frames = dump.parked_stacks[2].frames;
  frames = {
      {"inner", "/a.h", 1, 0x20, true},    {"outer", "/a.cpp", 2, 0x20},
      {"again", "/a.cpp", 3, 0x20},        {"hidden", "/rt.h", 4, 0x30, true, true},
      {"lambda", "/b.cpp", 5, 0x40, true}, {"std::call", "/std.h", 6, 0x40, false, false, true},
      {"main", "/b.cpp", 7, 0x50}};
  const Profile profile = decoded(written(*pprof_dump(), by_stack(dump)));
  EXPECT_EQ(profile.samples.at(0).stack, (std::vector<Names>{{"inner /a.h:1", "outer /a.cpp:2"},
                                                             {"again /a.cpp:3"},
                                                             {"lambda /b.cpp:5"},
                                                             {"main /b.cpp:7"}}));
}

TEST(PprofDump, MarksWhatIsNotWhole) {
  Dump dump = two_waiting_one_running();
  dump.parked_stacks[2].cut = "too deep";
  dump.records[0].parked_stack = unread_parked_stack;
  dump.records[1].spawn_stack = 0;
  dump.records[2].activity = Activity::runnable;
  const Profile profile = decoded(written(*pprof_dump(), by_stack(dump)));
  ASSERT_EQ(profile.samples.size(), 3u);
  EXPECT_EQ(profile.samples[0].stack, (std::vector<Names>{{"[stack not read] :0"}}));
  EXPECT_EQ(profile.samples[1].stack.at(2), (Names{"[cut] :0"}));
  EXPECT_FALSE(profile.samples[1].labels.contains("created_by"));
  EXPECT_EQ(profile.samples[2].stack, (std::vector<Names>{{"[runnable] :0"}}));
}

TEST(PprofDump, LossesAreComments) {
  Dump dump = two_waiting_one_running();
  dump.losses.torn = 7;
  DumpPage page = by_stack(dump);
  page.groups.resize(1);
  const Names comments = decoded(written(*pprof_dump(), page, 4)).comments;
  ASSERT_EQ(comments.size(), 5u);
  EXPECT_EQ(comments[0],
            "pid 4711  order_server --port 0  (coro 1.1, 2 workers)  3 coroutines: 2 parked, 1 "
            "running");
  EXPECT_EQ(comments[1], "and 1 coroutine in 1 further group, beyond --limit");
  EXPECT_EQ(comments[2], "note  4 coroutines ended or changed before their names were read");
  EXPECT_EQ(comments[3].find("lost"), 0u) << comments[3];
  EXPECT_EQ(comments[4].find("completeness 30.00%"), 0u) << comments[4];
}

TEST(PprofDump, SumsAndNumbersStayInRange) {
  Dump dump = two_waiting_one_running();
  dump.records[0].wait_ns = dump.records[1].wait_ns = std::numeric_limits<uint64_t>::max() - 1;
  dump.records[0].id = std::numeric_limits<uint64_t>::max();
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(decoded(written(*pprof_dump(), by_stack(dump))).samples.at(0).values,
            (std::vector<int64_t>{2, most}));
  const Profile each = decoded(written(*pprof_dump(), by_coroutine(dump)));
  EXPECT_EQ(each.samples.at(0).values, (std::vector<int64_t>{1, most}));
  EXPECT_EQ(each.samples.at(0).labels.at("id"), std::to_string(most));
}

TEST(PprofDump, ManyComeOutPieceByPiece) {
  Dump dump = two_waiting_one_running();
  const DumpRecord first = dump.records.front();
  dump.records.assign(100'000, first);
  for (uint64_t i = 0; i < dump.records.size(); ++i) dump.records[i].id = i * 7919 + 1;
  const DumpPage page = by_coroutine(dump);
  const auto encoder = pprof_dump();
  std::string text = encoder->begin(page);
  for (const uint32_t i : page.records) text += encoder->coroutine(page, dump.records[i], {});
  const size_t before_the_end = text.size();
  text += encoder->end(page, 0);
  EXPECT_GT(before_the_end, text.size() / 2) << "kept until the end";
  EXPECT_EQ(decoded(text).samples.size(), 100'000u);
}

TEST(ProfileChange, IsOfThoseWhoCameAndWent) {
  Dump before = two_waiting_one_running();
  before.taken_unix_ns = 100 * second;
  Dump after = before;
  after.taken_unix_ns = 105 * second;
  // Ids of stacks are of one dump: the same place has another one, another place has its.
  after.parked_stacks[9] = after.parked_stacks[2];
  after.parked_stacks[2].frames.resize(1);
  after.parked_stacks[2].frames[0] = {"sleep_for_long", "/src/sleep.cpp", 3, 0x99};
  for (uint32_t i : {0, 1}) after.records[i].parked_stack = 9;
  after.records[2] = after.records[1];  // who ran waits, too
  for (int i = 0; i < 3; ++i) {
    after.records.push_back(after.records[1]);
    after.records.back().parked_stack = 2;
  }
  ProfileChange change(by_stack(before));
  const Profile profile = decoded(change.finish(by_stack(after)));
  EXPECT_EQ(profile.sample_types, (std::vector<Names>{{"coroutines", "count"}}));
  EXPECT_EQ(profile.time_ns, 100 * static_cast<int64_t>(second));
  EXPECT_EQ(profile.duration_ns, 5 * static_cast<int64_t>(second));
  EXPECT_EQ(profile.program, "order_server");
  std::map<std::string, int64_t> values;
  for (const Sample& sample : profile.samples) {
    values[sample.stack.front().front()] = sample.values.at(0);
    EXPECT_EQ(sample.labels.at("created_by"), "start");
  }
  EXPECT_EQ(values, (std::map<std::string, int64_t>{{"fetch;all /src/fetch.cpp:57", 1},
                                                    {"sleep_for_long /src/sleep.cpp:3", 3},
                                                    {"[running] :0", -1}}));
}

TEST(ProfileChange, WithoutAChangeIsEmpty) {
  const Dump dump = two_waiting_one_running();
  Dump later = dump;
  for (DumpRecord& record : later.records) record.wait_ns += second;
  ProfileChange change(by_stack(dump));
  const Profile profile = decoded(change.finish(by_stack(later)));
  EXPECT_TRUE(profile.samples.empty());
  EXPECT_FALSE(profile.comments.empty());
}

}  // namespace
}  // namespace coroscope
