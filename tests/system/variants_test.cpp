// SPDX-License-Identifier: Apache-2.0
// The same truth however the target was built.
#include <gtest/gtest.h>

#include <algorithm>

#include "churn_target.h"

namespace coroscope::testing {
namespace {

class Variant : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Builds, Variant,
                         ::testing::Values("churn", "churn_nopie", "churn_static",
                                           "churn_static_pie", "churn_shared", "churn_stripped"),
                         [](const auto& variant) { return std::string(variant.param); });

// The counts alone, each site's long-lived coroutines apart: they are spawned
// from another line, so without names they are a stack of their own.
std::vector<int64_t> only_counts(const SiteCounts& counts, bool split) {
  constexpr int64_t long_lived = 100;
  std::vector<int64_t> result;
  for (const auto& [name, count] : counts) {
    EXPECT_EQ(count.live, count.parked);
    if (split && name.starts_with("churn_site")) {
      result.push_back(long_lived);
      result.push_back(count.live - long_lived);
    } else {
      result.push_back(count.live);
    }
  }
  std::sort(result.begin(), result.end());
  return result;
}

TEST_P(Variant, IsAttachedAndCountedExactly) {
  const bool stripped = GetParam() == std::string("churn_stripped");
  ChurnTarget target(GetParam());
  Observer observer(target.pid());
  ASSERT_TRUE(observer.observation);
  const SiteCounts truth = target.pause();
  const Account account = observer.observation->account();
  const SiteCounts counts = counts_by_site(*observer.observation, account);
  if (stripped) {
    EXPECT_EQ(only_counts(counts, false), only_counts(truth, true))
        << "without names, but stack by stack";
    EXPECT_EQ(counts.begin()->first.find("churn_stripped+0x"), 0u) << counts.begin()->first;
  } else {
    EXPECT_EQ(counts, truth);
  }
  EXPECT_EQ(account.losses.total(), 0u);

  ASSERT_TRUE(observer.observation->tick());
  const TargetReport report = observer.observation->report({});
  EXPECT_EQ(report.stacks_unread, 0u);
  EXPECT_EQ(report.stacks_cut, 0u) << "parked stacks unwind without symbols too";
}

}  // namespace
}  // namespace coroscope::testing
