// SPDX-License-Identifier: Apache-2.0
#include "model/dump_diff.h"

#include <gtest/gtest.h>

namespace coroscope {
namespace {

constexpr ParkedStack waits_in_fetch = 2;
constexpr ParkedStack waits_in_serve = 3;

Dump empty_dump(const std::string& process) {
  Dump dump;
  dump.process = process;
  dump.reasons = {{1, "chan send"}, {2, "chan receive"}};
  dump.parked_stacks[waits_in_fetch].frames = {{"fetch", "/src/fetch.cpp", 57, 0x20}};
  dump.parked_stacks[waits_in_serve].frames = {{"serve", "/src/serve.cpp", 12, 0x30}};
  dump.spawn_stacks[1].frames = {{"start", "/src/main.cpp", 20, 0x40}};
  return dump;
}

void add(Dump& dump, uint64_t id, ParkedStack stack, Reason reason = 1) {
  DumpRecord record;
  record.id = id;
  record.activity = stack == no_parked_stack ? Activity::running : Activity::parked;
  record.reason = stack == no_parked_stack ? 0 : reason;
  record.parked_stack = stack;
  record.spawn_stack = 1;
  dump.records.push_back(record);
}

TEST(DumpDiff, OfTheSameDumpIsNothing) {
  Dump dump = empty_dump("p");
  add(dump, 1, waits_in_fetch);
  const DumpDiff same = diff(dump, dump);
  EXPECT_TRUE(same.changes.empty());
  EXPECT_EQ(same.unchanged, 1u);
  EXPECT_FALSE(same.blocked());
}

TEST(DumpDiff, WhatIsBlockedComesFirstThenTheLargest) {
  Dump before = empty_dump("p");
  Dump after = empty_dump("p");
  for (uint64_t id = 1; id <= 3; ++id) add(before, id, waits_in_serve, 2);
  for (uint64_t id = 4; id <= 8; ++id) add(after, id, no_parked_stack);
  add(after, 9, waits_in_fetch);
  const DumpDiff found = diff(before, after);
  ASSERT_EQ(found.changes.size(), 3u);
  EXPECT_EQ(found.changes[0].kind, DumpChange::Kind::blocked);
  EXPECT_EQ(found.changes[0].reason, "chan send");
  EXPECT_EQ(found.changes[0].parked->frames[0].function, "fetch");
  EXPECT_EQ(found.changes[1].kind, DumpChange::Kind::more);
  EXPECT_EQ(found.changes[1].growth(), 5);
  EXPECT_EQ(found.changes[2].kind, DumpChange::Kind::less);
  EXPECT_EQ(found.changes[2].growth(), -3);
  EXPECT_TRUE(found.blocked());
}

TEST(DumpDiff, OfOneProcessKnowsWhoIsBornAndWhoEnded) {
  Dump before = empty_dump("p");
  Dump after = empty_dump("p");
  add(before, 1, waits_in_fetch);
  add(before, 2, waits_in_serve, 2);
  add(after, 2, waits_in_fetch);  // moved
  add(after, 3, waits_in_fetch);  // new
  const DumpDiff found = diff(before, after);
  EXPECT_TRUE(found.same_process);
  EXPECT_EQ(found.born, 1u);
  EXPECT_EQ(found.ended, 1u);
  ASSERT_EQ(found.changes.size(), 2u);
  EXPECT_EQ(found.changes[0].born, (std::vector<uint32_t>{1}));
  EXPECT_EQ(found.changes[0].ended, 1u);
  EXPECT_EQ(found.changes[1].ended, 0u) << "who moved has not ended";
}

TEST(DumpDiff, OfOtherProcessesComparesWordsNotNumbers) {
  Dump before = empty_dump("p");
  Dump after = empty_dump("q");
  // The same places, under other numbers and at other addresses.
  after.parked_stacks[7].frames = {{"fetch", "/src/fetch.cpp", 57, 0x7720}};
  after.spawn_stacks[9].frames = {{"start", "/src/main.cpp", 20, 0x7740}};
  add(before, 1, waits_in_fetch);
  add(after, 1, 7);
  after.records[0].spawn_stack = 9;
  const DumpDiff found = diff(before, after);
  EXPECT_FALSE(found.same_process);
  EXPECT_TRUE(found.changes.empty());
  EXPECT_EQ(found.unchanged, 1u);
  EXPECT_EQ(found.born + found.ended, 0u);
}

TEST(DumpDiff, OfGroupsKnowsNobody) {
  Dump before = empty_dump("p");
  Dump after = empty_dump("p");
  after.only_groups = true;
  add(after, 0, waits_in_fetch);
  EXPECT_FALSE(diff(before, after).same_process);
  EXPECT_TRUE(diff(before, after).blocked());
}

TEST(DumpDiff, WithoutANameOfTheProcessIdsMeanNothing) {
  Dump before = empty_dump("");
  EXPECT_FALSE(diff(before, before).same_process);
}

}  // namespace
}  // namespace coroscope
