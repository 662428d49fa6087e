// SPDX-License-Identifier: Apache-2.0
#include "history/trend.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace coroscope::history {
namespace {

Instance of_build(const std::string& id) {
  Instance instance;
  instance.build_id = id;
  return instance;
}

std::vector<Point> points_of(int count, const std::function<double(int)>& live) {
  std::vector<Point> points;
  for (int i = 0; i < count; ++i) {
    points.push_back({1000 + 10 * i, static_cast<int64_t>(live(i))});
  }
  return points;
}

TEST(Trend, GrowthFromTheStart) {
  const auto growth = growth_of(points_of(100, [](int i) { return 50 + 3 * i; }));
  ASSERT_TRUE(growth);
  EXPECT_TRUE(growth->grows);
  EXPECT_EQ(growth->since, 1000);
  EXPECT_NEAR(growth->per_second, 0.3, 1e-9);
}

TEST(Trend, GrowthThatBeganLater) {
  const auto growth =
      growth_of(points_of(100, [](int i) { return i < 60 ? 50 : 50 + 2 * (i - 60); }));
  ASSERT_TRUE(growth);
  EXPECT_TRUE(growth->grows);
  EXPECT_NEAR(static_cast<double>(growth->since), 1600, 30);
  EXPECT_NEAR(growth->per_second, 0.2, 0.01);
}

TEST(Trend, GrowthUnderNoise) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, 20);
  const auto growth = growth_of(points_of(
      400, [&](int i) { return 500 + noise(random) + (i < 200 ? 0.0 : 2.0 * (i - 200)); }));
  ASSERT_TRUE(growth);
  EXPECT_TRUE(growth->grows);
  EXPECT_NEAR(static_cast<double>(growth->since), 3000, 300);
  EXPECT_NEAR(growth->per_second, 0.2, 0.02);
}

TEST(Trend, WhatGoesUpAndDownDoesNotGrow) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, 20);
  const std::vector<std::function<double(int)>> steady = {
      [](int) { return 100; },
      [](int i) { return 100 + 10 * (i % 10); },
      [&](int) { return 500 + noise(random); },
      [](int i) { return 1000 - 2 * i; },
      [](int i) { return std::min(5 * i, 300); },     // a pool that is full
      [](int i) { return i < 50 ? 0 : 300; },         // once more, and then as before
      [](int i) { return 1'000'000 + (i % 7) * 3; },  // little of much
  };
  for (size_t i = 0; i < steady.size(); ++i) {
    const auto growth = growth_of(points_of(200, steady[i]));
    ASSERT_TRUE(growth);
    EXPECT_FALSE(growth->grows) << "of kind " << i << " since " << growth->since;
  }
}

TEST(Trend, FewPointsTellNothing) {
  EXPECT_FALSE(growth_of({}));
  EXPECT_FALSE(growth_of(points_of(7, [](int i) { return 10 * i; })));
}

TEST(Trend, SurvivesADeploy) {
  const std::vector<Instance> instances = {of_build("good"), of_build("bad"), of_build("bad"),
                                           of_build("bad")};
  std::vector<Instance> in_order = instances;
  for (size_t i = 0; i < in_order.size(); ++i) {
    in_order[i].from = 5000 * static_cast<Time>(i);
    in_order[i].to = in_order[i].from + 4999;
  }
  const auto flat = points_of(50, [](int) { return 20; });
  auto grows = points_of(50, [](int i) { return 20 + 4 * i; });
  std::vector<Line> lines = {{&in_order[0], flat}, {&in_order[1], grows}};
  for (Point& point : grows) point.time += 5000;
  lines.push_back({&in_order[2], grows});
  lines.push_back({&in_order[3], {}});  // has just begun
  const Trend trend = trend_of(lines);
  EXPECT_TRUE(trend.grows);
  EXPECT_EQ(trend.since, 1000);
  EXPECT_NEAR(trend.per_second, 0.4, 1e-9);
  EXPECT_EQ(trend.build_id, "bad");
  EXPECT_EQ(trend.processes, 2u);
  EXPECT_EQ(trend.grew_not_in, "good");
}

TEST(Trend, OfProcessesBesideEachOther) {
  std::vector<Instance> instances = {of_build("a"), of_build("a"), of_build("a")};
  for (Instance& one : instances) one.to = 1500;
  const auto line = [](int step) { return points_of(50, [=](int i) { return 20 + step * i; }); };
  const Trend trend =
      trend_of({{&instances[0], line(4)}, {&instances[1], line(2)}, {&instances[2], line(0)}});
  EXPECT_TRUE(trend.grows);
  EXPECT_NEAR(trend.per_second, 0.6, 1e-9);
  EXPECT_EQ(trend.processes, 2u);
  EXPECT_EQ(trend.grew_not_in, "");
}

TEST(Trend, WhatAFixEndedDoesNotGrow) {
  std::vector<Instance> instances = {of_build("bad"), of_build("fixed")};
  instances[0].to = 1000;
  instances[1].from = 1010;  // at once
  instances[1].to = 1500;
  const Trend trend = trend_of({{&instances[0], points_of(50, [](int i) { return 20 + 4 * i; })},
                                {&instances[1], points_of(50, [](int) { return 20; })}});
  EXPECT_FALSE(trend.grows);
  EXPECT_NEAR(trend.per_second, 0, 1e-9);
}

}  // namespace
}  // namespace coroscope::history
