// SPDX-License-Identifier: Apache-2.0
#include "export/vitals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace coroscope {
namespace {

VitalsRecord record() {
  VitalsRecord record;
  record.pid = 4711;
  record.runtime = "coro 1.2";
  record.elapsed_ns = 1'040'000'000;
  VitalsSample& sample = record.sample;
  sample.workers = 2;
  sample.threads = 3;
  sample.resident_bytes = 20ull << 20;
  sample.count.by_spawn_stack = {{1, 2, 1165, 0}};  // runnable, running, parked, syscall
  sample.count.stacks = 1100;
  sample.count.stacks_running = 2;
  sample.count.stack_reserved = 70'400ull << 10;
  sample.count.stack_used = 900;
  sample.count.ended_ns = 500'000;
  SchedulerFigures one;
  one.id = 1;
  one.idle = 1;
  one.threads = 2;
  one.queued = 4;
  one.spawned = 5000;
  one.exited = 3832;
  one.workers.resize(2);
  one.workers[1].queued = 7;
  sample.schedulers.emplace();
  sample.schedulers->running = {one};
  record.vitals.live = 1168;
  record.vitals.interval_ns = 1'040'000'000;
  record.vitals.spawns_ps = 12.345;
  record.vitals.exits_ps = 4321.7;
  record.vitals.cpus = 0.254;
  record.vitals.timers = 120;
  return record;
}

TEST(VitalsText, IsARowAndALineOfTheSchedulers) {
  EXPECT_EQ(vitals_header(),
            "   TIME     LIVE   PARKED RUNNING RUNNABLE SYSCALL   SPAWN/S    EXIT/S  CPUS THREADS "
            "WORKERS  TIMERS  STACKS  IN-USE     RSS\n");
  EXPECT_EQ(vitals_text(record()),
            "   1.0s     1168     1165       2        1       0      12.3      4322  0.25       3 "
            "      2     120   68.8M     900   20.0M\n"
            "SCHED 1.0s: workers=2 idle=1 spinning=0 threads=2 runqueue=4 [0 7] parked=1165 "
            "syscall=0\n");
}

TEST(VitalsText, WhatIsNotKnownIsADash) {
  VitalsRecord first = record();
  first.vitals = {};
  first.sample.schedulers.reset();
  first.sample.threads.reset();
  first.sample.resident_bytes.reset();
  const std::string text = vitals_text(first);
  EXPECT_EQ(std::count(text.begin(), text.end(), '-'), 6);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << "no scheduler, no line of it";
}

TEST(VitalsText, WhatWasLostEndsItsLine) {
  VitalsRecord lossy = record();
  lossy.sample.count.losses = {1, 2, 3, 4, 5};
  lossy.sample.count.stacks_odd = 6;
  lossy.sample.schedulers->lost = 8;
  lossy.sample.schedulers->running[0].workers_unread = 9;
  const std::string text = vitals_text(lossy);
  EXPECT_NE(text.find("  lost 21 (1 torn, 2 between two states, 3 unreadable, 4 malformed, 5 over "
                      "the limit, 6 stacks that make no sense)\nSCHED"),
            std::string::npos)
      << text;
  EXPECT_TRUE(text.ends_with("  lost 17 (8 schedulers, 9 workers)\n")) << text;
}

TEST(VitalsText, QueuesOfEachSchedulerAndNotWithoutEnd) {
  VitalsRecord many = record();
  many.sample.schedulers->running.emplace_back().workers.resize(1);
  EXPECT_NE(vitals_text(many).find(" schedulers=2 workers=3 "), std::string::npos);
  EXPECT_NE(vitals_text(many).find(" [0 7] [0] parked="), std::string::npos);
  many.sample.schedulers->running[0].workers.resize(4000);
  const std::string text = vitals_text(many);
  EXPECT_LT(text.size(), 1500u);
  EXPECT_NE(text.find(" 0 ...] parked="), std::string::npos) << text;
}

TEST(VitalsText, LargeNumbersKeepTheirColumns) {
  VitalsRecord large = record();
  large.sample.count.by_spawn_stack = {{0, 0, 8'000'000, 0}};
  large.vitals.live = 8'000'000;
  large.vitals.spawns_ps = 12'345'678;
  large.sample.count.stack_reserved = 500ull << 30;
  const std::string text = vitals_text(large);
  EXPECT_EQ(text.find('\n') + 1, vitals_header().size()) << text;
}

TEST(VitalsJson, HasWhatTheTextHas) {
  const auto json = nlohmann::json::parse(vitals_json(record()));
  EXPECT_EQ(json["type"], "stat");
  EXPECT_EQ(json["pid"], 4711);
  EXPECT_EQ(json["live"], 1168);
  EXPECT_EQ(json["parked"], 1165);
  EXPECT_EQ(json["runnable"], 1);
  EXPECT_EQ(json["spawns_per_second"], 12.345);
  EXPECT_EQ(json["cpus"], 0.254);
  EXPECT_EQ(json["stacks"]["reserved_bytes"], 70'400ull << 10);
  EXPECT_EQ(json["stacks"]["running"], 2);
  EXPECT_EQ(json["schedulers"][0]["spawned"], 5000);
  EXPECT_EQ(json["schedulers"][0]["workers"][1]["queued"], 7);
  EXPECT_EQ(json["completeness"], 1.0);
  EXPECT_EQ(json["losses"]["torn"], 0);
  EXPECT_FALSE(json.contains("other_copies"));
  EXPECT_FALSE(json.contains("inner_pid")) << "it is the same as pid";
}

TEST(VitalsJson, WhatIsNotKnownIsAbsent) {
  VitalsRecord first = record();
  first.vitals = {};
  first.vitals.live = 99;
  first.sample.schedulers.reset();
  first.sample.cpu_ns.reset();
  first.sample.resident_bytes.reset();
  first.sample.count.losses.torn = 1;
  first.other_copies = 2;
  first.inner_pid = 7;
  const auto json = nlohmann::json::parse(vitals_json(first));
  for (const char* name : {"interval_s", "spawns_per_second", "exits_per_second", "cpus",
                           "resident_bytes", "timers", "schedulers"}) {
    EXPECT_FALSE(json.contains(name)) << name;
  }
  EXPECT_EQ(json["completeness"], 0.99);
  EXPECT_EQ(json["other_copies"], 2);
  EXPECT_EQ(json["inner_pid"], 7);
}

}  // namespace
}  // namespace coroscope
