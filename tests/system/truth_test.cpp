// SPDX-License-Identifier: Apache-2.0
// Baseline + events = what the program itself counts, by stack, every time.
#include <gtest/gtest.h>
#include <poll.h>

#include <random>
#include <string>
#include <tuple>

#include "churn_target.h"

namespace coroscope::testing {
namespace {

class Truth : public ::testing::TestWithParam<std::tuple<int, ProbeMode>> {};
INSTANTIATE_TEST_SUITE_P(Workers, Truth,
                         ::testing::Combine(::testing::Values(1, 2, 8),
                                            ::testing::Values(ProbeMode::full, ProbeMode::classic,
                                                              ProbeMode::births,
                                                              ProbeMode::census)),
                         [](const auto& one) {
                           return std::to_string(std::get<0>(one.param)) +
                                  std::string(name_of(std::get<1>(one.param)));
                         });

// Attaches while the target churns, lets it churn on, and compares at a quiet
// moment.
void attach_and_compare(ChurnTarget& target, ProbeMode mode, std::mt19937& random) {
  Observer observer(target.pid(), {.mode = mode});
  ASSERT_TRUE(observer.observation);
  poll(nullptr, 0, static_cast<int>(random() % 30));  // a different moment each time
  const SiteCounts truth = target.pause();
  // Who waits is known from the last census, without events that tell it.
  if (!tells_parks(mode)) {
    ASSERT_TRUE(observer.observation->tick());
  }
  const Account account = observer.observation->account();
  EXPECT_EQ(counts_by_site(*observer.observation, account), truth);
  EXPECT_EQ(account.losses.total(), 0u) << losses_of(account);
  EXPECT_EQ(account.completeness(), 1.0);
  EXPECT_GT(account.baseline, 0);

  // The other plane says the same, and the audit agrees that it does.
  ASSERT_TRUE(observer.observation->tick());
  const Account audited = observer.observation->last_account();
  EXPECT_EQ(audited.losses.unaccounted, 0u);
  observer.observation->detach();
  target.resume();
}

TEST_P(Truth, OfAHundredAttachesEachIsExact) {
  const auto [workers, mode] = GetParam();
  ChurnTarget target("churn", workers);
  std::mt19937 random(static_cast<uint32_t>(workers));
  // A hundred over all numbers of workers, and some, where events are joined with a census.
  const int attaches = tells_parks(mode) ? 34 : 10;
  for (int i = 0; i < attaches; ++i) {
    SCOPED_TRACE(i);
    attach_and_compare(target, mode, random);
    if (HasFailure()) return;
  }
}

TEST(Census, MembersOfAQuietTargetAreAllThere) {
  ChurnTarget target;
  const SiteCounts truth = target.pause();
  Observer observer(target.pid());
  ASSERT_TRUE(observer.observation);
  int64_t live = 0;
  for (const auto& [name, count] : truth) live += count.live;
  int64_t seen = 0;
  bool all_read = true;
  for (const Population& population :
       observer.observation->tracking().by(Grouping::by_place).all()) {
    seen += static_cast<int64_t>(population.live);
    all_read = all_read && population.key.parked_stack >= first_parked_stack;
  }
  EXPECT_EQ(seen, live);
  EXPECT_TRUE(all_read) << "each is parked, so each has a parked stack";
  EXPECT_EQ(observer.observation->report({}).stacks_cut, 0u);
}

}  // namespace
}  // namespace coroscope::testing
