// SPDX-License-Identifier: Apache-2.0
#include "observe/member_labels.h"

#include <gtest/gtest.h>

#include "fake_target.h"

namespace coroscope {
namespace {

// A target whose coroutine 1 is of tenant a, 2 of tenant b; 3 has another label, 4 none.
class MemberLabelsTest : public ::testing::Test {
 protected:
  MemberLabelsTest() {
    target_.annotations[1] = {"", {{"tenant", "a"}}};
    target_.annotations[2] = {"", {{"tenant", "b"}, {"order", "7"}}};
    target_.annotations[3] = {"clerk", {{"order", "8"}}};
    for (uint32_t id = 1; id <= 4; ++id) add(id, id < 4);
  }

  Member& add(uint32_t id, bool annotated) {
    Member member;
    member.id = id;
    member.slot = id - 1;
    member.annotated = annotated;
    census_.members.push_back(member);
    census_.slots = id;
    return census_.members.back();
  }

  // What the label of each says, after another census.
  std::vector<std::string> look(MemberLabels& labels) {
    census_.labels.clear();
    labels.add_to(census_, target_);
    std::vector<std::string> texts;
    for (const LabelValue label : census_.labels) texts.push_back(labels.report(label).text());
    return texts;
  }

  FakeTarget target_;
  Census census_;
};

using Texts = std::vector<std::string>;

TEST_F(MemberLabelsTest, EachIsTold) {
  MemberLabels labels("tenant");
  EXPECT_EQ(look(labels), (Texts{"tenant=a", "tenant=b", "no tenant", "no tenant"}));
  EXPECT_EQ(census_.labels[2], no_label);
  EXPECT_EQ(labels.unread(), 0u);
}

TEST_F(MemberLabelsTest, WhoHasNotMovedIsNotReadAgain) {
  MemberLabels labels("tenant");
  look(labels);
  target_.annotations[1] = {"", {{"tenant", "z"}}};
  EXPECT_EQ(look(labels)[0], "tenant=a");
  census_.members[0].revision = 2;
  EXPECT_EQ(look(labels)[0], "tenant=z");
  census_.members[0].annotated = false;
  EXPECT_EQ(look(labels)[0], "no tenant");
}

TEST_F(MemberLabelsTest, AnotherInTheSameSlotIsAnother) {
  MemberLabels labels("tenant");
  look(labels);
  census_.members[0].id = 2;  // of the same revision
  EXPECT_EQ(look(labels)[0], "tenant=b");
}

TEST_F(MemberLabelsTest, WhoHasEndedMeanwhileIsCounted) {
  target_.annotations.erase(2);
  MemberLabels labels("tenant");
  EXPECT_EQ(look(labels)[1], "tenant not read");
  EXPECT_EQ(labels.unread(), 1u);
  target_.annotations[2] = {"", {{"tenant", "b"}}};
  EXPECT_EQ(look(labels)[1], "tenant=b") << "it is asked again";
  EXPECT_EQ(labels.unread(), 0u);
}

TEST_F(MemberLabelsTest, WithoutTimeWhoMovedKeepsWhatItHad) {
  MemberLabels none("tenant", 0);
  EXPECT_EQ(look(none)[0], "tenant not read");
  EXPECT_EQ(none.unread(), 3u);
  EXPECT_EQ(none.stale(), 0u);

  MemberLabels labels("tenant");
  look(labels);
  labels.set_budget(0);
  census_.members[0].revision = 2;
  EXPECT_EQ(look(labels)[0], "tenant=a");
  EXPECT_EQ(labels.stale(), 1u);
  EXPECT_EQ(labels.unread(), 0u);
}

TEST_F(MemberLabelsTest, ValuesAreBoundedPrintableAndShort) {
  target_.annotations[1] = {"", {{"tenant", "\x1b[31m" + std::string(4000, 'x')}}};
  MemberLabels labels("tenant");
  const Texts first = look(labels);
  EXPECT_TRUE(first[0].starts_with("tenant=?[31m"));
  EXPECT_LE(first[0].size(), 140u);
  for (uint32_t id = 5; id < 5 + MemberLabels::most_values; ++id) {
    add(id, true);
    target_.annotations[id] = {"", {{"tenant", std::to_string(id)}}};
  }
  const Texts all = look(labels);
  EXPECT_TRUE(labels.overflowed());
  EXPECT_EQ(all.back(), "one of the other values of tenant");
  EXPECT_EQ(all[4], "tenant=5");
}

}  // namespace
}  // namespace coroscope
