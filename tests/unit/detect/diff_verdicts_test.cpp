// SPDX-License-Identifier: Apache-2.0
// Coroutines whose comings and goings are known, dumped at two moments.
#include "detect/diff_verdicts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace coroscope {
namespace {

constexpr double forever = INFINITY;

// Times are seconds since the process began.
class World {
 public:
  // Comes to wait, in a coroutine that is born then.
  void add(double from, double until = forever) { coroutines_.push_back({from, until}); }

  // `rate` at each time in coroutines a second, evenly.
  template <typename Rate>
  void come(double from, double until, const Rate& rate, double lifetime = forever) {
    double due = 0;
    constexpr double step = 0.001;
    for (double now = from; now < until; now += step) {
      for (due += rate(now) * step; due >= 1; due -= 1) add(now, now + lifetime);
    }
  }

  // All wait again and again, for so long each time.
  void wake_every(double seconds) { period_ = seconds; }

  Dump at(double now) const {
    Dump dump;
    dump.process = "p";
    dump.reasons = {{1, "chan send"}};
    dump.parked_stacks[2].frames = {{"fetch", "/src/fetch.cpp", 57, 0x20}};
    dump.spawn_stacks[1].frames = {{"start", "/src/main.cpp", 20, 0x40}};
    dump.taken_unix_ns = began_ns + ns(now);
    dump.uptime_ns = ns(now);
    for (size_t i = 0; i < coroutines_.size(); ++i) {
      const Coroutine& one = coroutines_[i];
      if (one.from >= now || one.until <= now) continue;
      DumpRecord record;
      record.id = i + 1;
      record.age_ns = ns(now - one.from);
      record.wait_ns = period_ > 0 ? ns(std::fmod(now - one.from, period_)) : record.age_ns;
      record.spawn_stack = 1;
      record.parked_stack = 2;
      record.reason = 1;
      record.activity = Activity::parked;
      dump.records.push_back(record);
    }
    return dump;
  }

 private:
  struct Coroutine {
    double from;
    double until;
  };
  static constexpr uint64_t began_ns = 1'763'724'600'000'000'000;
  static uint64_t ns(double seconds) { return static_cast<uint64_t>(seconds * 1e9); }

  std::vector<Coroutine> coroutines_;
  double period_ = 0;
};

auto always(double rate) {
  return [rate](double) { return rate; };
}

// Of the only population.
Judgement judged(const Dump& before, const Dump& after) {
  const DiffVerdicts verdicts = judge(diff(before, after));
  EXPECT_EQ(verdicts.not_judged, "");
  if (verdicts.of.size() != 1 || !verdicts.of[0]) {
    ADD_FAILURE() << "not judged";
    return {};
  }
  return *verdicts.of[0];
}
Judgement judged(const World& world, double before, double after) {
  return judged(world.at(before), world.at(after));
}

TEST(DiffVerdicts, WhatGrowsEvenlyAndStaysIsALeak) {
  for (const double rate : {4.0, 50.0, 1000.0}) {
    World world;
    world.come(0, 30, always(rate));
    const Judgement judgement = judged(world, 20, 30);
    EXPECT_EQ(judgement.verdict, Verdict::leak) << rate << summary(judgement);
    EXPECT_EQ(judgement.ground, Ground::patience);
    EXPECT_EQ(judgement.patience_ns, 5'000'000'000u);
    EXPECT_NEAR(judgement.per_second, rate, rate / 10);
    EXPECT_EQ(judgement.cohort.left, 0u);
  }
}

// By the ages of those who were there before.
TEST(DiffVerdicts, AnOldLeakIsKnownAfterASecond) {
  World world;
  world.come(0, 61, always(100));
  EXPECT_EQ(judged(world, 60, 61).verdict, Verdict::leak);
}

// Their waits say nothing of how long they have been there, but their ages do.
TEST(DiffVerdicts, WhoWakeAgainAndAgainAreJudgedByTheirAges) {
  World leak;
  leak.wake_every(0.3);
  leak.come(0, 30, always(20));
  EXPECT_EQ(judged(leak, 20, 30).verdict, Verdict::leak);
  World cache;
  cache.wake_every(0.3);
  cache.come(0, 15, always(20));
  EXPECT_EQ(judged(cache, 10, 20).verdict, Verdict::plateau);
}

// Within the interval nobody has shown yet that he stays.
TEST(DiffVerdicts, WhatBeganAfterTheFirstDumpGrows) {
  World world;
  world.come(11, 20, always(100));
  const Judgement judgement = judged(world, 10, 20);
  EXPECT_EQ(judgement.verdict, Verdict::warming_up);
  EXPECT_EQ(judgement.ground, Ground::none);
}

TEST(DiffVerdicts, WhoLeavesAgainIsABacklog) {
  World world;
  int worked_off = 0;
  for (int i = 0; i < 3000; ++i) {
    // 100 come in a second, and 70 are done, the oldest first.
    world.add(i / 100.0, ++worked_off / 70.0 + 0.5);
  }
  const Judgement judgement = judged(world, 20, 30);
  EXPECT_EQ(judgement.verdict, Verdict::backlog) << summary(judgement);
  EXPECT_NEAR(judgement.per_second, 30, 5);
}

TEST(DiffVerdicts, WhatWasStartedAtOnceIsNoLeak) {
  World burst;
  burst.come(15, 15.1, always(10'000));
  EXPECT_EQ(judged(burst, 10, 20).verdict, Verdict::plateau);
  // One before the first dump, one after it: those of the first have stayed.
  World pool;
  pool.come(5, 5.1, always(10'000));
  pool.come(15, 15.1, always(10'000));
  EXPECT_EQ(judged(pool, 10, 20).verdict, Verdict::plateau);
  // It may be one of many.
  World just_now;
  just_now.come(19.8, 19.9, always(10'000));
  EXPECT_EQ(judged(just_now, 10, 20).verdict, Verdict::warming_up);
}

TEST(DiffVerdicts, ARampThatDiminishesIsNoLeak) {
  for (const double time_constant : {3.0, 6.0}) {
    World world;
    world.come(0, 20, [=](double now) { return 200 * std::exp(-now / time_constant); });
    for (const double after : {11.0, 15.0, 20.0}) {
      const Verdict verdict = judged(world, 10, after).verdict;
      EXPECT_FALSE(is_fault(verdict)) << time_constant << " s, until " << after;
    }
  }
}

TEST(DiffVerdicts, ARampThatIsOverIsAPlateau) {
  World world;
  world.come(0, 15, always(50));
  EXPECT_EQ(judged(world, 10, 20).verdict, Verdict::plateau);
}

TEST(DiffVerdicts, AFewMoreAreNotCalledOver) {
  World world;
  for (int i = 0; i < 9; ++i) world.add(19.9);
  EXPECT_EQ(judged(world, 10, 20).verdict, Verdict::warming_up);
  World fewer;
  fewer.add(19.9);
  EXPECT_EQ(judged(fewer, 10, 20).verdict, Verdict::steady);
}

// Most leave within two seconds; for the last twenty, some do not.
TEST(DiffVerdicts, WhoOutlivesTheOthersIsALeak) {
  World world;
  world.come(0, 130, always(150), 2);
  world.come(80, 130, always(10));
  const Judgement judgement = judged(world, 100, 130);
  EXPECT_EQ(judgement.verdict, Verdict::leak) << summary(judgement);
  EXPECT_EQ(judgement.ground, Ground::outlived);
  EXPECT_NEAR(judgement.per_second, 10, 2);
  // When the process began is not known: then nobody can say that it was ever different.
  Dump after = world.at(130);
  after.uptime_ns = 0;
  EXPECT_EQ(judged(world.at(100), after).ground, Ground::patience);
}

TEST(DiffVerdicts, OnlyWhatGrewIsJudged) {
  World world;
  world.come(0, 5, always(100), 20);
  const Dump before = world.at(10);
  Dump after = world.at(24);
  const DumpDiff fewer = diff(before, after);
  ASSERT_EQ(fewer.changes.size(), 1u);
  EXPECT_EQ(judge(fewer).of_change(0), nullptr);
  after.records[0].parked_stack = unread_parked_stack;
  const DumpDiff changes = diff(before, after);
  ASSERT_EQ(changes.changes.size(), 2u);
  const DiffVerdicts verdicts = judge(changes);
  EXPECT_NE(verdicts.of_change(0), nullptr);
  EXPECT_EQ(verdicts.of_change(1), nullptr);
  // There would be nothing to judge.
  after.process = "q";
  EXPECT_NE(judge(diff(before, after)).not_judged, "");
  EXPECT_EQ(judge(diff(world.at(24), world.at(24))).not_judged, "");
}

TEST(DiffVerdicts, ALeakByPatienceHasARemark) {
  World world;
  world.come(0, 30, always(50));
  const Dump before = world.at(20);
  const Dump after = world.at(30);
  const DiffVerdicts verdicts = judge(diff(before, after));
  ASSERT_EQ(verdicts.remarks.size(), 1u);
  EXPECT_NE(verdicts.remarks[0].find("the same rate for 5.0 s is called a leak"),
            std::string::npos);
}

struct Unjudged {
  const char* why;
  void (*spoil)(Dump& before, Dump& after);
};

TEST(DiffVerdicts, WhereNothingCanBeSaidItSaysWhy) {
  const Unjudged cases[] = {
      {"not known to be of one process", [](Dump&, Dump& after) { after.process = "q"; }},
      {"saved by stack", [](Dump& before, Dump&) { before.only_groups = true; }},
      {"filters or --limit", [](Dump& before, Dump&) { before.left_out = 1; }},
      {"filters or --limit", [](Dump&, Dump& after) { after.left_out = 1; }},
      {"is not known", [](Dump& before, Dump&) { before.taken_unix_ns = 0; }},
      {"is not known", [](Dump&, Dump& after) { after.taken_unix_ns = 0; }},
      {"taken before the first",
       [](Dump& before, Dump& after) { std::swap(before.taken_unix_ns, after.taken_unix_ns); }},
      {"less than a second apart",
       [](Dump& before, Dump& after) { before.taken_unix_ns = after.taken_unix_ns - 999'999'999; }},
      {"needs 95% of all", [](Dump&, Dump& after) { after.losses.torn = 1000; }},
  };
  World world;
  world.come(0, 30, always(50));
  for (const Unjudged& one : cases) {
    Dump before = world.at(20);
    Dump after = world.at(30);
    one.spoil(before, after);
    const DiffVerdicts verdicts = judge(diff(before, after));
    EXPECT_NE(verdicts.not_judged.find(one.why), std::string::npos) << verdicts.not_judged;
    ASSERT_EQ(verdicts.of.size(), 1u);
    EXPECT_FALSE(verdicts.of[0]);
  }
}

}  // namespace
}  // namespace coroscope
