// SPDX-License-Identifier: Apache-2.0
#include "detect/diff_ignores.h"

#include <gtest/gtest.h>

#include <map>

namespace coroscope {
namespace {

constexpr ParkedStack in_fetch = 2;
constexpr ParkedStack in_serve = 3;

Dump empty_dump() {
  Dump dump;
  dump.process = "p";
  dump.reasons = {{1, "chan send"}};
  dump.parked_stacks[in_fetch].frames = {{"fetch", "/src/fetch.cpp", 57, 0x20}};
  dump.parked_stacks[in_serve].frames = {{"serve", "/src/serve.cpp", 12, 0x30}};
  dump.spawn_stacks[1].frames = {{"start", "/src/main.cpp", 20, 0x40}};
  return dump;
}

void add(Dump& dump, uint64_t id, ParkedStack stack) {
  DumpRecord record;
  record.id = id;
  record.activity = Activity::parked;
  record.reason = 1;
  record.parked_stack = stack;
  record.spawn_stack = 1;
  record.annotated = true;
  dump.records.push_back(record);
}

// Tells the labels of coroutines by id, and of groups.
class FakeDetails : public DumpDetails {
 public:
  DumpDetail names_of(const DumpRecord& record) override {
    asked++;
    return {.name = "", .labels = labels[record.id], .cause = "", .select_cases = {}};
  }
  DumpDetail describe(const Dump&, const DumpRecord& record) override { return names_of(record); }
  ReportedNames count_names_of(const Dump& dump, const std::vector<uint32_t>& members) override {
    return groups[dump.records[members.front()].id];
  }
  uint64_t unread() const override { return 0; }

  std::map<uint64_t, std::vector<DumpDetail::Label>> labels;
  std::map<uint64_t, ReportedNames> groups;
  uint64_t asked = 0;
};

IgnoreRule top(const std::string& pattern) {
  IgnoreRule rule;
  rule.top = *Pattern::parse(pattern);
  rule.source = "--ignore-top";
  return rule;
}
IgnoreRule label(const std::string& key, const std::string& value) {
  IgnoreRule rule;
  rule.label = {key, value};
  return rule;
}

// Two came to fetch, three to serve.
class DiffIgnores : public ::testing::Test {
 protected:
  DiffIgnores() : before(empty_dump()), after(empty_dump()) {
    add(before, 1, in_fetch);
    for (uint64_t id = 1; id <= 3; ++id) add(after, id, in_fetch);
    for (uint64_t id = 4; id <= 6; ++id) add(after, id, in_serve);
  }
  std::vector<IgnoredRow> ignore(const std::vector<IgnoreRule>& rules, DumpDiff& changes) {
    return ignore_changes(rules, details_before, details, changes);
  }

  Dump before;
  Dump after;
  FakeDetails details_before;
  FakeDetails details;
};

TEST_F(DiffIgnores, WhatARuleMatchesIsTakenOutAndCounted) {
  DumpDiff changes = diff(before, after);
  const auto rows = ignore({top("^nobody$"), top("^fetch$")}, changes);
  ASSERT_EQ(changes.changes.size(), 1u);
  EXPECT_EQ(changes.changes[0].parked->frames[0].function, "serve");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].findings, 0u);
  EXPECT_EQ(rows[1].findings, 1u);
  EXPECT_EQ(rows[1].coroutines, 3u);
  EXPECT_TRUE(changes.blocked());
  EXPECT_EQ(details.asked, 0u) << "no rule wants to know";
}

TEST_F(DiffIgnores, WhereAllIsIgnoredNothingIsBlocked) {
  DumpDiff changes = diff(before, after);
  IgnoreRule wait;
  wait.wait = "chan send";
  EXPECT_EQ(ignore({wait}, changes).at(0).findings, 2u);
  EXPECT_FALSE(changes.blocked());
}

TEST_F(DiffIgnores, WhatHasExpiredIgnoresNothing) {
  DumpDiff changes = diff(before, after);
  IgnoreRule rule = top("fetch");
  rule.expired = true;
  EXPECT_TRUE(ignore({rule}, changes).at(0).expired);
  EXPECT_EQ(changes.changes.size(), 2u);
}

TEST_F(DiffIgnores, WhoIsGoneIsCountedAsHeWas) {
  DumpDiff changes = diff(after, before);
  EXPECT_EQ(ignore({top("serve")}, changes).at(0).coroutines, 3u);
}

TEST_F(DiffIgnores, ALabelCountsIfAllHaveIt) {
  for (uint64_t id = 1; id <= 6; ++id) details.labels[id] = {{"id", std::to_string(id)}};
  for (uint64_t id = 1; id <= 5; ++id) details.labels[id].push_back({"kind", "pool"});
  DumpDiff changes = diff(before, after);
  EXPECT_EQ(ignore({label("kind", "pool")}, changes).at(0).coroutines, 3u);
  ASSERT_EQ(changes.changes.size(), 1u);
  EXPECT_EQ(changes.changes[0].parked->frames[0].function, "serve") << "6 has none";
}

TEST_F(DiffIgnores, OfThoseWhoAreGoneTheDumpBeforeTellsLabels) {
  for (uint64_t id = 4; id <= 6; ++id) details_before.labels[id] = {{"kind", "pool"}};
  DumpDiff changes = diff(after, before);
  EXPECT_EQ(ignore({label("kind", "pool")}, changes).at(0).coroutines, 3u);
}

TEST_F(DiffIgnores, OfGroupsOneTellsTheLabelsOfAll) {
  after.only_groups = true;
  for (DumpRecord& record : after.records) {
    record.annotated = false;
    if (record.id != 1 && record.id != 4) record.id = 0;
  }
  details.groups[1] = {3, {}, {{"kind", "pool", 3}}};
  details.groups[4] = {3, {}, {{"kind", "pool", 2}}};
  DumpDiff changes = diff(before, after);
  EXPECT_EQ(ignore({label("kind", "pool")}, changes).at(0).findings, 1u);
  ASSERT_EQ(changes.changes.size(), 1u);
  EXPECT_EQ(changes.changes[0].parked->frames[0].function, "serve") << "not all have it";
}

}  // namespace
}  // namespace coroscope
