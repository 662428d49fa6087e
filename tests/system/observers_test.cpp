// SPDX-License-Identifier: Apache-2.0
// Several observers on one target, each with the whole truth.
#include <gtest/gtest.h>

#include "churn_target.h"
#include "probe_sites.h"

namespace coroscope::testing {
namespace {

TEST(Observers, TwoAtOnceDoNotDisturbEachOther) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  for (int round = 0; round < 5; ++round) {
    SCOPED_TRACE(round);
    Observer first(target.pid());
    Observer second(target.pid());
    ASSERT_TRUE(first.observation && second.observation);
    const SiteCounts truth = target.pause();
    EXPECT_EQ(counts_by_site(*first.observation, first.observation->account()), truth);
    EXPECT_EQ(counts_by_site(*second.observation, second.observation->account()), truth);

    target.resume();
    first.observation->detach();
    const SiteCounts later = target.pause();
    EXPECT_EQ(counts_by_site(*second.observation, second.observation->account()), later)
        << "the first one's end took events away";
    target.resume();
  }
  EXPECT_TRUE(becomes_untouched(target.pid(), sites));
}

TEST(Observers, OneObserverOfTwoTargetsKeepsThemApart) {
  ChurnTarget first("churn", 2, 2);
  ChurnTarget second("churn", 2, 4);
  auto loaded = KernelCounters::load({});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto kernel = std::make_shared<KernelCounters>(std::move(*loaded));
  std::unique_ptr<Observation> observations[2];
  const pid_t pids[] = {first.pid(), second.pid()};
  for (int i = 0; i < 2; ++i) {
    auto opened = Observation::open(pids[i]);
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_TRUE(attach_to(**opened, kernel));
    observations[i] = std::move(*opened);
  }
  const SiteCounts first_truth = first.pause();
  const SiteCounts second_truth = second.pause();
  EXPECT_EQ(counts_by_site(*observations[0], observations[0]->account()), first_truth);
  EXPECT_EQ(counts_by_site(*observations[1], observations[1]->account()), second_truth);
}

}  // namespace
}  // namespace coroscope::testing
