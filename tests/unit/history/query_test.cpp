// SPDX-License-Identifier: Apache-2.0
#include "history/query.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "history/json.h"
#include "history_folder.h"

namespace coroscope::history {
namespace {

using nlohmann::json;
using testing::batch;
using testing::noon;
using testing::process;

class HistoryQuery : public testing::HistoryFolder {
 protected:
  // An hour of a build that is well, and half of one that leaks.
  void write_a_deploy() {
    store_ = open(noon);
    for (Time time = 10; time <= 5400; time += 10) {
      const bool old = time <= 3600;
      SeenProcess one =
          process(old ? 7 : 8, old ? 100 : 100 + (time - 3600) / 10, old ? "b1" : "b2");
      one.instance.from = noon + (old ? 0 : 3601);
      if (time == 1500) one.sample.peak = 9999;  // no last one of its step
      ASSERT_TRUE(store_->write(batch(noon + time, {one})));
    }
  }
  Query query() const {
    auto opened = Query::open(path());
    return std::move(*opened);
  }

  std::unique_ptr<Store> store_;
};

TEST_F(HistoryQuery, SinceWhenItGrows) {
  write_a_deploy();
  const Window seen = window(noon, noon + 5400);
  const Place& place = seen.places.front();
  EXPECT_EQ(place.id, "aaaa");
  EXPECT_TRUE(place.trend.grows);
  EXPECT_NEAR(static_cast<double>(place.trend.since - noon), 3600, 30);
  EXPECT_NEAR(place.trend.per_second, 0.1, 0.001);
  EXPECT_EQ(place.trend.build_id, "b2");
  EXPECT_EQ(place.trend.grew_not_in, "b1");
  EXPECT_FALSE(seen.places.back().trend.grows);
  EXPECT_TRUE(seen.trend.grows);
}

TEST_F(HistoryQuery, APlaceThatIsNewWithABuild) {
  store_ = open(noon);
  for (Time time = 10; time <= 400; time += 10) {
    const bool old = time <= 200;
    SeenProcess one = process(old ? 7 : 8, old ? 5 : time, old ? "b1" : "b2");
    one.instance.from = noon + (old ? 0 : 201);
    one.sample.stacks = {{old ? "old" : "new", old ? 5 : time}};
    if (time == 100) one.sample.stacks.push_back({"new", 1});  // for a moment
    ASSERT_TRUE(store_->write(batch(noon + time, {one})));
  }
  const Window seen = window(noon, noon + 400);
  EXPECT_EQ(seen.places.front().id, "new");
  EXPECT_EQ(seen.places.front().trend.build_id, "b2");
  EXPECT_EQ(seen.places.front().trend.grew_not_in, "b1");
  EXPECT_EQ(seen.places.back().points.back().live, 0) << "nobody is there any more";
}

TEST_F(HistoryQuery, WhatThereWasThen) {
  write_a_deploy();
  Query asked = query();
  const auto moment = asked.moment(service(), noon + 1805);
  ASSERT_TRUE(moment);
  ASSERT_EQ(moment->processes.size(), 1u);
  EXPECT_EQ(moment->processes[0].instance.pid, 7);
  EXPECT_EQ(moment->processes[0].sample.time, noon + 1800);
  EXPECT_EQ(moment->processes[0].sample.stacks[0].live, 98);
  EXPECT_TRUE(asked.moment(service(), noon - 10)->processes.empty());
  EXPECT_EQ(asked.moment(service(), noon + 5405)->processes.size(), 1u) << "it runs";
  EXPECT_TRUE(asked.moment(service(), noon + 9000)->processes.empty())
      << "nobody has looked for long";
}

TEST_F(HistoryQuery, GivesAsManyPointsAsAreAskedFor) {
  write_a_deploy();
  const Window seen = window(noon, noon + 86400, 10);
  EXPECT_LE(seen.samples.size(), 13u);
  EXPECT_GE(seen.samples.size(), 10u);
  EXPECT_EQ(seen.samples.back().time, noon + 5400) << "the last one is always there";
  const auto peak = [](const Sample& a, const Sample& b) { return a.peak < b.peak; };
  const auto most = std::max_element(seen.samples.begin(), seen.samples.end(), peak);
  EXPECT_EQ(most->peak, 9999);
  EXPECT_EQ(most->live, 100);
}

// One that crashes again and again.
TEST_F(HistoryQuery, TheLatestOfVeryManyProcesses) {
  store_ = open(noon);
  for (int i = 0; i < most_instances + 5; ++i) {
    SeenProcess one = process(i + 1, i);
    one.instance.from = noon + i;
    ASSERT_TRUE(store_->write(batch(noon + i, {one})));
  }
  const Window seen = window(noon, noon + most_instances + 10);
  EXPECT_TRUE(seen.instances_cut);
  ASSERT_EQ(seen.instances.size(), static_cast<size_t>(most_instances));
  EXPECT_EQ(seen.instances.back().pid, most_instances + 5);
  EXPECT_FALSE(window(noon, noon + 10).instances_cut);
}

TEST_F(HistoryQuery, ServicesByNameOrId) {
  write_a_deploy();
  SeenProcess other = process(9, 5);
  other.instance.service = {"ba9876543210", "orders", "root", "/other"};
  ASSERT_TRUE(store_->write(batch(noon + 5410, {other})));
  Query asked = query();
  const auto all = asked.services();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].builds, 2);
  EXPECT_EQ((*all)[0].instances, 2);
  EXPECT_EQ((*all)[0].running, 0);
  EXPECT_EQ((*all)[1].live, 5);
  EXPECT_EQ(asked.service("ba9876543210")->user, "root");
  const auto several = asked.service("orders");
  ASSERT_FALSE(several);
  EXPECT_NE(several.error().message.find("ba9876543210 (user root"), std::string::npos);
  const auto none = asked.service("nobody");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "the history has no service 'nobody'; it has orders");
}

TEST_F(HistoryQuery, AsJson) {
  write_a_deploy();
  const json seen = json::parse(window_json(window(noon, noon + 5400)));
  EXPECT_EQ(seen["service"], "orders");
  EXPECT_EQ(seen["instances"].size(), 2u);
  EXPECT_EQ(seen["stacks"][0]["top"], "handle orders.cpp:24");
  EXPECT_EQ(seen["stacks"][0]["build_id"], "b2");
  EXPECT_TRUE(seen["stacks"][1]["grows_since"].is_null());
  const json moment = json::parse(moment_json(*query().moment(service(), noon + 100)));
  EXPECT_EQ(moment["pid"], 7);
  EXPECT_EQ(moment["live"], 100);
  EXPECT_EQ(moment["stacks"][0]["frames"][0]["function"], "handle");
}

TEST_F(HistoryQuery, WhenNothingWasKept) {
  const auto none = Query::open(path());
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("No such file"), std::string::npos);
  open(noon).reset();
  Query asked = query();
  EXPECT_TRUE(asked.services()->empty());
  EXPECT_EQ(asked.service("orders").error().message, "the history has no service yet");
}

}  // namespace
}  // namespace coroscope::history
