// SPDX-License-Identifier: Apache-2.0
#include "observe/same_place.h"

#include <gtest/gtest.h>

#include <array>

namespace coroscope {
namespace {

ReportedFrame frame_of(const char* function, const char* file, uint32_t line, uint64_t address) {
  ReportedFrame frame;
  frame.function = function;
  frame.file = file;
  frame.line = line;
  frame.address = address;
  return frame;
}

ReportedStack waits_at(uint32_t line, uint64_t address, uint32_t line_of_runtime) {
  ReportedFrame runtime = frame_of("coro::detail::park", "park.h", line_of_runtime, address);
  runtime.runtime = true;
  return {runtime, frame_of("wait_for", "/src/a.cpp", line, address)};
}

// Two places of a leak, and what is told of them.
class SamePlace : public ::testing::Test {
 protected:
  SamePlace() {
    for (size_t i = 0; i < places_.size(); ++i) add(i);
  }
  void add(size_t i) {
    places_[i].live = 100 * (i + 1);
    places_[i].joined = 200 * (i + 1);
    Finding finding;
    finding.population = finding.main_place = &places_[i];
    finding.judgement.verdict = Verdict::leak;
    finding.judgement.per_second = 4 - 2.0 * static_cast<double>(i);
    finding.judgement.first_live = 10;
    ReportedFinding reported;
    reported.judgement = finding.judgement;
    reported.reason = "chan receive";
    reported.live = places_[i].live;
    reported.joined = places_[i].joined;
    reported.parked_at = waits_at(20, 0x10 * (i + 1), static_cast<uint32_t>(90 + i));
    reported.spawned_at = {frame_of("begin", "/src/a.cpp", 30, 0x99)};
    findings_.push_back(finding);
    reported_.push_back(reported);
  }
  size_t left() {
    fold_same_places(findings_, reported_);
    EXPECT_EQ(findings_.size(), reported_.size());
    return reported_.size();
  }

  std::array<Population, 2> places_;
  std::vector<Finding> findings_;
  std::vector<ReportedFinding> reported_;
};

TEST_F(SamePlace, AtTwoAddressesIsToldOnce) {
  ASSERT_EQ(left(), 1u);
  EXPECT_EQ(reported_[0].live, 300u);
  EXPECT_EQ(reported_[0].joined, 600u);
  EXPECT_EQ(reported_[0].judgement.per_second, 6);
  EXPECT_EQ(reported_[0].judgement.first_live, 20u);
}

TEST_F(SamePlace, OfAGroupItsMainPlaceCounts) {
  Population group;
  group.live = 1000;  // healthy ones among them
  findings_[1].population = &group;
  reported_[1].live = group.live;
  ASSERT_EQ(left(), 1u);
  EXPECT_EQ(reported_[0].live, 300u);
  EXPECT_EQ(reported_[0].judgement.first_live, 10u);
}

TEST_F(SamePlace, OtherLinesReasonsBirthsLabelsAndVerdictsAreOthers) {
  const auto first = reported_;
  reported_[1].parked_at = waits_at(21, 0x20, 90);
  EXPECT_EQ(left(), 2u);
  reported_ = first;
  reported_[1].reason = "sleep";
  EXPECT_EQ(left(), 2u);
  reported_ = first;
  reported_[1].spawned_at[0].line = 31;
  EXPECT_EQ(left(), 2u);
  reported_ = first;
  reported_[1].label = ReportedLabel{"tenant", ReportedLabel::Is::value, "b"};
  EXPECT_EQ(left(), 2u);
  reported_ = first;
  reported_[1].judgement.verdict = Verdict::stuck;
  EXPECT_EQ(left(), 2u);
}

// Whose members are mostly elsewhere: it would be hidden in another's.
TEST_F(SamePlace, AGroupOfManyPlacesIsItsOwn) {
  findings_[1].mostly_main_place = false;
  EXPECT_EQ(left(), 2u);
}

}  // namespace
}  // namespace coroscope
