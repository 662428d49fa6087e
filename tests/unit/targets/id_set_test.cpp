// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/id_set.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

#include "util/clock.h"

namespace coroscope::coro {
namespace {

TEST(IdSet, IsASet) {
  IdSet ids;
  std::unordered_set<uint64_t> expected;
  std::mt19937_64 random(20261121);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t id = i % 2 == 0 ? random() % 5000 + 1 : random() | 1;
    EXPECT_EQ(ids.insert(id), expected.insert(id).second) << id;
  }
  EXPECT_EQ(ids.size(), expected.size());
}

TEST(IdSet, TakesTheLargestAndTheSmallestId) {
  IdSet ids;
  for (const uint64_t id : {uint64_t{1}, uint64_t{7}, uint64_t{8}, ~uint64_t{0}}) {
    EXPECT_TRUE(ids.insert(id));
    EXPECT_FALSE(ids.insert(id));
  }
}

TEST(IdSet, IsEmptyAfterClear) {
  IdSet ids;
  EXPECT_TRUE(ids.insert(17));
  ids.clear();
  EXPECT_EQ(ids.size(), 0u);
  EXPECT_TRUE(ids.insert(17));
}

// A census of a million coroutines asks a million times. Far above what it
// takes, so that only another order of magnitude fails.
TEST(IdSet, AMillionIdsAreCheap) {
  for (const uint64_t step : {uint64_t{1}, uint64_t{8}, uint64_t{4096}, uint64_t{1} << 40}) {
    IdSet ids;
    uint64_t best = ~uint64_t{0};
    for (int round = 0; round < 3; ++round) {
      const uint64_t before = monotonic_ns();
      ids.clear();
      for (uint64_t i = 1; i <= 1'000'000; ++i) ids.insert(i * step);
      best = std::min(best, monotonic_ns() - before);
    }
    RecordProperty("step_" + std::to_string(step), std::to_string(best));
    EXPECT_LT(best, 1'000'000'000u) << step;
    EXPECT_EQ(ids.size(), 1'000'000u);
  }
}

}  // namespace
}  // namespace coroscope::coro
