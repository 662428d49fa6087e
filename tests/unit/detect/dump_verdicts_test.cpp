// SPDX-License-Identifier: Apache-2.0
#include "detect/dump_verdicts.h"

#include <gtest/gtest.h>

#include <cmath>

#include "simulation.h"

namespace coroscope {
namespace {

using testing::second_ns;
constexpr DumpPlace place{1, 2, 3};

// `members` that wait, the i-th born at birth(i / members) of the process's life.
template <typename Birth>
Dump waiting(uint64_t members, uint64_t uptime_s, const Birth& birth) {
  Dump dump;
  dump.pid = 4711;
  dump.uptime_ns = uptime_s * second_ns;
  for (uint64_t i = 0; i < members; ++i) {
    DumpRecord record;
    record.id = i + 1;
    const double born = birth((static_cast<double>(i) + 0.5) / static_cast<double>(members));
    record.age_ns = static_cast<uint64_t>(static_cast<double>(dump.uptime_ns) * (1 - born));
    record.spawn_stack = place.spawn_stack;
    record.parked_stack = place.parked_stack;
    record.reason = place.reason;
    record.activity = Activity::parked;
    dump.records.push_back(record);
  }
  return dump;
}

double evenly(double share) {
  return share;
}

TEST(MayLeak, WhoCameEvenlyForMostOfTheProcessesLife) {
  Dump dump = waiting(400, 600, evenly);
  add_may_leak(dump);
  ASSERT_EQ(dump.verdicts.size(), 1u);
  const DumpVerdict& verdict = dump.verdicts.at(place);
  EXPECT_EQ(verdict.verdict, "may leak");
  ASSERT_EQ(verdict.because.size(), 1u);
  EXPECT_EQ(verdict.because[0],
            "400 came at an even rate for the last 9m59s of the process's 10m00s and are here "
            "still; whether any leaves, one dump can not tell: `coroscope diff 4711 --after 10s` "
            "does");
}

TEST(MayLeak, NotWhoCameAtOnceOrLessAndLess) {
  for (const auto birth : {+[](double) { return 0.01; }, +[](double share) { return share / 20; },
                           +[](double share) { return std::pow(share, 4); }}) {
    Dump dump = waiting(400, 600, birth);
    add_may_leak(dump);
    EXPECT_TRUE(dump.verdicts.empty());
  }
}

// Whose oldest is young: members leave.
TEST(MayLeak, NotWhoAreAllYoung) {
  Dump dump = waiting(400, 600, [](double share) { return 0.6 + 0.4 * share; });
  add_may_leak(dump);
  EXPECT_TRUE(dump.verdicts.empty());
}

TEST(MayLeak, NotOfFewNorOfAYoungProcessNorIfItsAgeIsNotKnown) {
  for (Dump dump : {waiting(32, 600, evenly), waiting(400, 60, evenly), waiting(400, 0, evenly)}) {
    add_may_leak(dump);
    EXPECT_TRUE(dump.verdicts.empty());
  }
}

TEST(MayLeak, NotWhoDoesNotWaitNorWhatIsStuck) {
  Dump dump = waiting(400, 600, evenly);
  dump.verdicts[place].verdict = "stuck";
  add_may_leak(dump);
  EXPECT_EQ(dump.verdicts.at(place).verdict, "stuck");
  dump.verdicts.clear();
  for (DumpRecord& record : dump.records) record.activity = Activity::runnable;
  add_may_leak(dump);
  EXPECT_TRUE(dump.verdicts.empty());
}

}  // namespace
}  // namespace coroscope
