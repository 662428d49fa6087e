// SPDX-License-Identifier: Apache-2.0
#include "detect/projection.h"

#include <gtest/gtest.h>

#include "detect/withheld.h"

namespace coroscope {
namespace {

TEST(Projection, NamesTheLimitThatIsReachedFirst) {
  Limits limits;
  limits.bytes_each = 4096;
  limits.memory_left = uint64_t{4096} * 100 * 3600;
  limits.table_left = 100 * 7200;
  const auto memory = project(100, limits);
  ASSERT_TRUE(memory);
  EXPECT_EQ(format(*memory), "1.4 GiB of stacks an hour; the host's memory is full in about 1h00m");
  limits.memory_of_cgroup = true;
  EXPECT_EQ(project(100, limits)->limit, "the memory of its cgroup");
  limits.table_left = 100 * 60;
  EXPECT_EQ(project(100, limits)->limit, "the runtime's table");
  EXPECT_EQ(project(100, limits)->reached_in_ns, 60'000'000'000u);
}

TEST(Projection, SaysNoMoreThanIsKnown) {
  EXPECT_FALSE(project(100, {}));
  EXPECT_FALSE(project(0, {.table_left = 5}));
  EXPECT_FALSE(project(-3, {.table_left = 5}));
  // Tasks have no stacks; a table without an end in sight is no limit.
  EXPECT_EQ(format(*project(1, {.memory_left = 5, .table_left = 60})),
            "the runtime's table is full in about 1m00s");
  EXPECT_FALSE(project(1e-9, {.table_left = UINT64_MAX}));
  EXPECT_EQ(format(*project(1, {.bytes_each = 512})), "1.8 MiB of stacks an hour");
}

TEST(WhatWouldHelp, IsAboutTheCauseOfMost) {
  Losses losses;
  EXPECT_EQ(what_would_help(losses), "");
  losses.latest.torn = 3;
  losses.window_full = 2;
  EXPECT_NE(what_would_help(losses).find("when the process does less"), std::string::npos);
  losses.window_full = 4;
  EXPECT_NE(what_would_help(losses).find("attach again"), std::string::npos);
}

}  // namespace
}  // namespace coroscope
