// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/id_set.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_set>

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

// A census of a million coroutines asks a million times, whatever their ids are.
TEST(IdSet, FewPlacesAreLookedAtForEachOfMany) {
  constexpr uint64_t count = 100'000;
  for (const uint64_t step : {uint64_t{1}, uint64_t{8}, uint64_t{4096}, uint64_t{1} << 40}) {
    IdSet ids;
    for (uint64_t i = 1; i <= count; ++i) ids.insert(i * step);
    EXPECT_EQ(ids.size(), count);
    size_t steps = 0;
    for (uint64_t i = 1; i <= count; ++i) steps += ids.steps_to(i * step);
    EXPECT_LT(steps, 8 * count) << step;
  }
}

}  // namespace
}  // namespace coroscope::coro
