// SPDX-License-Identifier: Apache-2.0
// Events that are lost, and batches that no runtime hands over: each is told as a loss, and a
// new baseline makes the account right again.
#include <gtest/gtest.h>

#include <limits>
#include <ostream>
#include <string>

#include "churn_target.h"

namespace coroscope::testing {
namespace {

constexpr uint64_t at_once = 0;
constexpr uint64_t never = std::numeric_limits<uint64_t>::max();

// tests/programs/bad_batches, and how many of its coroutines live.
class BadBatches {
 public:
  BadBatches() {
    EXPECT_EQ(child_.read_line(), "ready");
    tell("start", 100);
  }

  pid_t pid() const { return child_.pid(); }
  void tell(const std::string& what, int64_t count) {
    begin(what, count);
    finish();
  }
  // Several may be begun before the first is finished.
  void begin(const std::string& what, int64_t count) {
    child_.write_line(what + " " + std::to_string(count));
    if (what == "start" || what == "lose" || what == "worker") live_ += count;
    if (what == "end") live_ -= count;
  }
  void finish() { EXPECT_EQ(child_.read_line(), "done"); }
  SiteCounts truth() const { return {{"bad_batches_kept", {live_, live_}}}; }

 private:
  Child child_{{program("bad_batches")}};
  int64_t live_ = 0;
};

// Attached in mode full, and looking for a new baseline that often.
struct Resyncing {
  Resyncing(pid_t pid, uint64_t every_ns) {
    auto opened = Observation::open(pid);
    auto loaded = KernelCounters::load({});
    if (!opened || !loaded) {
      ADD_FAILURE() << (opened ? loaded.error() : opened.error()).message;
      return;
    }
    auto plan = (*opened)->plan({.mode = ProbeMode::full});
    EXPECT_TRUE(plan);
    plan->resync_every_ns = every_ns;
    auto attached = (*opened)->attach(*plan, std::make_shared<KernelCounters>(std::move(*loaded)));
    EXPECT_TRUE(attached) << attached.error().message;
    observation = std::move(*opened);
  }

  // Of the site that lives for long; those who start and end the others do so at once.
  SiteCounts counts() const {
    SiteCounts counts = counts_by_site(*observation, observation->account());
    std::erase_if(counts, [](const auto& site) { return site.second == SiteCount{}; });
    return counts;
  }
  Losses losses() const { return observation->account().losses; }
  uint64_t resyncs() const { return observation->accounting().resyncs(); }

  std::unique_ptr<Observation> observation;
};

struct Bad {
  std::string what;
  int64_t count;
  // So many of these, at the least.
  uint64_t Losses::*cause;
  uint64_t told;
};
std::ostream& operator<<(std::ostream& out, const Bad& bad) {
  return out << bad.what << " " << bad.count;
}

class Resync : public ::testing::TestWithParam<Bad> {};
INSTANTIATE_TEST_SUITE_P(
    Batches, Resync,
    ::testing::Values(Bad{"lose", 50, &Losses::events_unread, 50},
                      Bad{"unmapped", 7, &Losses::events_unread, 14},
                      Bad{"above", 257, &Losses::events_unread, 514},
                      Bad{"gap", 40, &Losses::events_missed, 40},
                      Bad{"gap", 1'000'000'000'000, &Losses::events_missed, WIRE_MOST_LOST},
                      Bad{"nobody", 4000, &Losses::events_missed, 3000}),
    [](const auto& bad) { return bad.param.what + std::to_string(bad.param.count); });

TEST_P(Resync, WhatWasLostIsToldAndMadeGood) {
  const Bad& bad = GetParam();
  BadBatches target;
  Resyncing observer(target.pid(), at_once);
  ASSERT_TRUE(observer.observation);
  target.tell("start", 20);
  EXPECT_EQ(observer.counts(), target.truth());
  EXPECT_EQ(observer.losses().total(), 0u) << losses_of(observer.observation->account());

  target.tell(bad.what, bad.count);
  target.tell("start", 30);
  const Losses told = observer.losses();
  EXPECT_GE(told.*bad.cause, bad.told);
  EXPECT_LT(observer.observation->account().completeness(), 1.0);
  EXPECT_EQ(observer.resyncs(), 0u);

  ASSERT_TRUE(observer.observation->tick());
  EXPECT_EQ(observer.resyncs(), 1u);
  EXPECT_EQ(observer.counts(), target.truth());
  EXPECT_GE(observer.losses().*bad.cause, told.*bad.cause) << "what was lost stays told";

  // It counts on, and so it does those of workers that come later.
  target.tell("start", 40);
  target.tell("end", 25);
  target.tell("worker", 10);
  EXPECT_EQ(observer.counts(), target.truth());
  const Losses later = observer.losses();
  ASSERT_TRUE(observer.observation->tick());
  EXPECT_EQ(observer.resyncs(), 1u) << "nothing more was lost";
  EXPECT_EQ(observer.losses().total(), later.total()) << losses_of(observer.observation->account());
}

// It costs a census each time.
TEST(ResyncIsHeldBack, AndTheAccountSaysMeanwhileThatItIsNotComplete) {
  BadBatches target;
  Resyncing observer(target.pid(), never);
  ASSERT_TRUE(observer.observation);
  target.tell("lose", 50);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(observer.observation->tick());
  EXPECT_EQ(observer.resyncs(), 0u);
  EXPECT_NE(observer.counts(), target.truth());
  EXPECT_GE(observer.losses().unaccounted, 50u) << "a census finds those of whom no birth was told";
  EXPECT_LT(observer.observation->account().completeness(), 1.0);
}

// What is new meanwhile is not lost: it is in the baseline, or counts.
TEST(ResyncWhileEventsFlow, IsExact) {
  BadBatches target;
  Resyncing observer(target.pid(), at_once);
  ASSERT_TRUE(observer.observation);
  for (int round = 1; round <= 20; ++round) {
    SCOPED_TRACE(round);
    target.tell("lose", 20);
    for (int i = 0; i < 10; ++i) {
      target.begin("start", 200);
      target.begin("end", 199);
    }
    ASSERT_TRUE(observer.observation->tick());
    for (int i = 0; i < 20; ++i) target.finish();
    EXPECT_EQ(observer.counts(), target.truth());
    EXPECT_EQ(observer.resyncs(), static_cast<uint64_t>(round));
  }
}

// Numbers that a sum does not hold.
TEST(ResyncOfNonsense, DoesNotForgetWhatWasLost) {
  BadBatches target;
  Resyncing observer(target.pid(), at_once);
  ASSERT_TRUE(observer.observation);
  for (int round = 0; round < 2; ++round) {
    target.tell("gap", std::numeric_limits<int64_t>::max());
    ASSERT_TRUE(observer.observation->tick());
    EXPECT_EQ(observer.counts(), target.truth());
    EXPECT_GE(observer.losses().events_missed, WIRE_MOST_LOST);
    EXPECT_LT(observer.observation->account().completeness(), 0.5);
  }
  EXPECT_EQ(observer.resyncs(), 2u);
}

// All that a program can say, one after the other, and the observer lives.
TEST(ResyncAgain, AndAgainIsExact) {
  BadBatches target;
  Resyncing observer(target.pid(), at_once);
  ASSERT_TRUE(observer.observation);
  uint64_t lost = 0;
  for (int round = 0; round < 8; ++round) {
    for (const std::string what : {"lose", "gap", "unmapped", "nobody", "above"}) {
      SCOPED_TRACE(what + std::to_string(round));
      target.tell(what, what == "above" ? 300 + round : 100);
      ASSERT_TRUE(observer.observation->tick());
      EXPECT_EQ(observer.counts(), target.truth());
      EXPECT_GT(observer.losses().total(), lost);
      lost = observer.losses().total();
    }
  }
  EXPECT_EQ(observer.resyncs(), 40u);
}

}  // namespace
}  // namespace coroscope::testing
