// SPDX-License-Identifier: Apache-2.0
#include "observe/member_names.h"

#include <gtest/gtest.h>

#include "fake_target.h"

namespace coroscope {
namespace {

TEST(MemberNames, TheMostCommonComeFirst) {
  FakeTarget target;
  std::vector<MemberPlace> members;
  for (uint32_t i = 1; i <= 10; ++i) {
    members.push_back({i, i});
    if (i == 10) continue;  // has none
    target.annotations[i] = {i <= 3 ? "reader" : "writer",
                             {{"tenant", "acme"}, {"request", std::to_string(i)}}};
  }
  const ReportedNames named = count_names(target, members);
  EXPECT_EQ(named.asked, 10u);
  ASSERT_EQ(named.names.size(), 2u);
  EXPECT_EQ(named.names[0].name, "writer");
  EXPECT_EQ(named.names[0].members, 6u);
  EXPECT_EQ(named.names[1].members, 3u);
  EXPECT_EQ(named.labels[0].key, "tenant");
  EXPECT_EQ(named.labels[0].value, "acme");
  EXPECT_EQ(named.labels[0].members, 9u);
  EXPECT_EQ(named.labels.size(), 8u) << "no more are told";
}

TEST(MemberNames, WhatTheyHoldIsMadePrintableAndShort) {
  FakeTarget target;
  target.annotations[1] = {"\x1b[31m\xff" + std::string(4000, 'x'), {{"a\nb", "\x80"}}};
  const std::vector<MemberPlace> members{{1, 0}};
  const ReportedNames named = count_names(target, members);
  EXPECT_TRUE(named.names.at(0).name.starts_with("?[31m?xxx"));
  EXPECT_LE(named.names.at(0).name.size(), 128u);
  EXPECT_EQ(named.labels.at(0).key, "a?b");
  EXPECT_EQ(named.labels.at(0).value, "?");
}

}  // namespace
}  // namespace coroscope
