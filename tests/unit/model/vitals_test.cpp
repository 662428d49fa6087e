// SPDX-License-Identifier: Apache-2.0
#include "model/vitals.h"

#include <gtest/gtest.h>

#include "times.h"

namespace coroscope {
namespace {

using testing::second;

SchedulerFigures scheduler(uint64_t id, uint64_t spawned, uint64_t exited) {
  SchedulerFigures one;
  one.id = id;
  one.spawned = spawned;
  one.exited = exited;
  one.timers = 3;
  one.idle = 1;
  one.workers.resize(2);
  return one;
}

VitalsSample sample(uint64_t at_ns, uint64_t cpu_ns, std::vector<SchedulerFigures> running) {
  VitalsSample sample;
  sample.at_ns = at_ns;
  sample.cpu_ns = cpu_ns;
  sample.schedulers.emplace();
  sample.schedulers->running = std::move(running);
  return sample;
}

TEST(Vitals, OfTheFirstLookHaveNoRates) {
  VitalsSample now = sample(second, second, {scheduler(1, 100, 40)});
  now.count.by_spawn_stack = {{1, 2, 3, 4}, {0, 0, 50, 0}};
  const Vitals vitals = vitals_of(nullptr, now);
  EXPECT_EQ(vitals.live, 60u);
  EXPECT_EQ(now.count.count(Activity::parked), 53u);
  EXPECT_EQ(now.count.count(Activity::syscall), 4u);
  EXPECT_EQ(vitals.timers, 3u);
  EXPECT_EQ(vitals.interval_ns, 0u);
  EXPECT_FALSE(vitals.cpus);
  EXPECT_FALSE(vitals.spawns_ps);
  EXPECT_FALSE(vitals.exits_ps);
}

TEST(Vitals, RatesAreOfTheTimeBetweenTwoLooks) {
  const VitalsSample before = sample(second, second, {scheduler(1, 100, 40)});
  const VitalsSample now = sample(3 * second, 4 * second, {scheduler(1, 300, 50)});
  const Vitals vitals = vitals_of(&before, now);
  EXPECT_EQ(vitals.interval_ns, 2 * second);
  EXPECT_DOUBLE_EQ(vitals.cpus.value(), 1.5);
  EXPECT_DOUBLE_EQ(vitals.spawns_ps.value(), 100);
  EXPECT_DOUBLE_EQ(vitals.exits_ps.value(), 5);
}

TEST(Vitals, ASchedulerThatIsNewBeganAtNothing) {
  const VitalsSample before = sample(0, 0, {scheduler(1, 100, 40)});
  const VitalsSample now = sample(second, 0, {scheduler(1, 110, 40), scheduler(2, 7, 2)});
  const Vitals vitals = vitals_of(&before, now);
  EXPECT_DOUBLE_EQ(vitals.spawns_ps.value(), 17);
  EXPECT_DOUBLE_EQ(vitals.exits_ps.value(), 2);
  EXPECT_EQ(vitals.timers, 6u);
}

TEST(Vitals, WhatASchedulerThatEndedDidLastIsNotKnown) {
  const VitalsSample before = sample(0, 0, {scheduler(1, 100, 40), scheduler(2, 7, 2)});
  const VitalsSample now = sample(second, 0, {scheduler(1, 110, 40)});
  EXPECT_FALSE(vitals_of(&before, now).spawns_ps);
  EXPECT_FALSE(vitals_of(&before, now).exits_ps);
}

TEST(Vitals, WhatIsNotPublishedOrReadIsNotGuessed) {
  const VitalsSample good = sample(0, 0, {scheduler(1, 100, 40)});
  std::vector<VitalsSample> bad(5, sample(second, 0, {scheduler(1, 110, 41)}));
  bad[0].schedulers->running[0].spawned.reset();
  bad[1].schedulers->running[0].workers_unread = 1;
  bad[2].schedulers->lost = 1;
  bad[3].schedulers.reset();
  bad[4].schedulers->running[0].spawned = 99;  // less than before
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_FALSE(vitals_of(&good, bad[i]).spawns_ps) << i;
  }
  EXPECT_TRUE(vitals_of(&good, bad[0]).exits_ps) << "that is published";
  EXPECT_FALSE(vitals_of(nullptr, bad[2]).timers);
  EXPECT_FALSE(vitals_of(nullptr, bad[3]).timers);
  VitalsSample silent = good;
  silent.cpu_ns.reset();
  EXPECT_FALSE(vitals_of(&silent, bad[0]).cpus);
  EXPECT_FALSE(vitals_of(&bad[0], good).cpus) << "a clock that went back";
}

TEST(SchedulerSums, AreOfAll) {
  Schedulers schedulers;
  schedulers.running = {scheduler(1, 0, 0), scheduler(2, 0, 0)};
  schedulers.running[1].workers_unread = 5;
  const SchedulerSums sums = sum_of(schedulers);
  EXPECT_EQ(sums.workers, 9u);
  EXPECT_EQ(sums.workers_unread, 5u);
  EXPECT_EQ(sums.idle, 2u);
  EXPECT_EQ(sums.timers, 6u);
}

}  // namespace
}  // namespace coroscope
