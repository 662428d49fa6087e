// SPDX-License-Identifier: Apache-2.0
#include "model/dump_query.h"

#include <gtest/gtest.h>

#include "times.h"

namespace coroscope {
namespace {

using testing::second;

DumpRecord parked(uint64_t id, uint64_t wait_s, ParkedStack stack) {
  DumpRecord record;
  record.id = id;
  record.activity = Activity::parked;
  record.reason = stack == 3 ? 7 : 1;
  record.wait_ns = wait_s * second;
  record.age_ns = 100 * second;
  record.parked_stack = stack;
  record.spawn_stack = 1;
  return record;
}

class Query : public ::testing::Test {
 protected:
  Query() {
    dump.reasons = {{1, "chan receive"}, {7, "sleep"}};
    dump.parked_stacks[2].frames = {{"coro::receive", "/rt/channel.h", 9, 1, false, true},
                                    {"fetch", "/src/fetch.cpp", 57, 2},
                                    {"serve", "/src/serve.cpp", 12, 3}};
    dump.parked_stacks[3].frames = {{"tick", "/src/tick.cpp", 3, 4}};
    dump.spawn_stacks[1].frames = {{"start", "/src/main.cpp", 20, 5}, {"main", "", 0, 6}};
    dump.records = {parked(10, 5, 3), parked(11, 1, 2), parked(12, 30, 2), parked(13, 8, 2)};
    DumpRecord running;
    running.id = 14;
    running.activity = Activity::running;
    running.age_ns = 200 * second;
    dump.records.push_back(running);
  }

  std::vector<uint64_t> ids(const DumpFilter& wanted) {
    std::vector<uint64_t> found;
    const auto names = [this](const DumpRecord& record) {
      asked++;
      DumpDetail detail;
      detail.labels = {{"tenant", record.id == 12 ? "b" : "a"}, {"id", std::to_string(record.id)}};
      return detail;
    };
    for (const uint32_t i : filter(dump, wanted, names)) found.push_back(dump.records[i].id);
    return found;
  }

  std::vector<uint32_t> all() { return filter(dump, {}, {}); }

  Dump dump;
  int asked = 0;
};

using Ids = std::vector<uint64_t>;

TEST_F(Query, NoFilterKeepsAllAndAsksNobody) {
  EXPECT_TRUE(DumpFilter().empty());
  EXPECT_EQ(ids({}), (Ids{10, 11, 12, 13, 14}));
  EXPECT_EQ(asked, 0);
}

TEST_F(Query, FiltersByStateAndReason) {
  DumpFilter filter;
  filter.states = {Activity::running};
  EXPECT_FALSE(filter.empty());
  EXPECT_EQ(ids(filter), (Ids{14}));
  filter.states = {};
  filter.reasons = {"sleep"};
  EXPECT_EQ(ids(filter), (Ids{10}));
  filter.reasons = {"sleep", "chan receive"};
  EXPECT_EQ(ids(filter), (Ids{10, 11, 12, 13}));
  filter.reasons = {"running"};
  EXPECT_TRUE(ids(filter).empty()) << "a state is no reason";
}

TEST_F(Query, FiltersByAgeAndWait) {
  DumpFilter filter;
  filter.older_than_ns = 150 * second;
  EXPECT_EQ(ids(filter), (Ids{14}));
  filter.older_than_ns = 0;
  filter.waited_ns = 8 * second;
  EXPECT_EQ(ids(filter), (Ids{12, 13})) << "who runs does not wait";
}

TEST_F(Query, FiltersByFrames) {
  DumpFilter any;
  any.stack = *Pattern::parse("^coro::receive");
  EXPECT_EQ(ids(any), (Ids{11, 12, 13}));
  any.stack = *Pattern::parse("serve\\.cpp:12$");
  EXPECT_EQ(ids(any), (Ids{11, 12, 13}));
  DumpFilter top;
  top.top = *Pattern::parse("^(fetch|coro)");
  EXPECT_EQ(ids(top), (Ids{11, 12, 13})) << "the runtime's own frames are not the top";
  top.top = *Pattern::parse("serve");
  EXPECT_TRUE(ids(top).empty());
  DumpFilter born;
  born.created_by = *Pattern::parse("^main$");
  EXPECT_EQ(ids(born), (Ids{10, 11, 12, 13})) << "of who was born where is not known, nothing is";
}

TEST_F(Query, FiltersByLabelsAsksOnlyWhoHasAny) {
  DumpFilter filter;
  filter.labels = {{"tenant", "b"}};
  EXPECT_TRUE(ids(filter).empty());
  EXPECT_EQ(asked, 0);
  for (DumpRecord& record : dump.records) record.annotated = true;
  EXPECT_EQ(ids(filter), (Ids{12}));
  filter.labels = {{"tenant", "a"}, {"id", "13"}};
  EXPECT_EQ(ids(filter), (Ids{13}));
  filter.labels = {{"tenant", "13"}};
  EXPECT_TRUE(ids(filter).empty());
}

TEST_F(Query, GroupsAreTheSameStacksStateAndReason) {
  const auto groups = group(dump, all(), DumpSort::count);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].members, (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(groups[0].parked_stack, 2u);
  EXPECT_EQ(groups[0].shortest_wait_ns, second);
  EXPECT_EQ(groups[0].longest_wait_ns, 30 * second);
  EXPECT_EQ(dump.records[groups[0].example].id, 12u) << "who waits longest";
  EXPECT_EQ(groups[1].members, (std::vector<uint32_t>{0}));
  EXPECT_EQ(groups[2].activity, Activity::running);
}

TEST_F(Query, SpawnStacksAndReasonsPartGroups) {
  dump.records[1].spawn_stack = 9;
  dump.records[2].reason = 7;
  EXPECT_EQ(group(dump, all(), DumpSort::count).size(), 5u);
}

TEST_F(Query, SortsByAge) {
  EXPECT_EQ(group(dump, all(), DumpSort::age)[0].activity, Activity::running);
  std::swap(dump.records[0], dump.records[3]);
  auto records = all();
  sort_by_age(dump, records);
  Ids sorted;
  for (const uint32_t i : records) sorted.push_back(dump.records[i].id);
  EXPECT_EQ(sorted, (Ids{14, 10, 11, 12, 13}));
}

TEST(Dump, CompletenessIsWholeOnlyIfNothingWasLost) {
  Dump dump;
  dump.records.resize(3);
  EXPECT_EQ(dump.completeness(), 1.0);
  dump.losses.torn = 1;
  EXPECT_EQ(dump.completeness(), 0.75);
}

TEST(Dump, UnknownStacksHaveNoFramesAndAreNotComplete) {
  const Dump dump;
  EXPECT_TRUE(dump.parked_stack(unread_parked_stack).frames.empty());
  EXPECT_FALSE(dump.parked_stack(unread_parked_stack).complete());
  EXPECT_FALSE(dump.spawn_stack(17).complete());
}

}  // namespace
}  // namespace coroscope
