// SPDX-License-Identifier: Apache-2.0
// Killing the observer at any moment is harmless.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <random>

#include "churn_target.h"
#include "probe_sites.h"

namespace coroscope::testing {
namespace {

TEST(Kill, AnObserverKilledFiftyTimesLeavesNothingBehind) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  ASSERT_TRUE(untouched(target.pid(), sites));
  std::mt19937 random(7);
  int killed_attached = 0;
  for (int i = 0; i < 50; ++i) {
    SCOPED_TRACE(i);
    Child observer(coroscope({"watch", std::to_string(target.pid()), "--json", "-i", "20ms"}));
    if (i % 2 == 0) {
      const auto line = observer.read_line();  // attached, and at work
      ASSERT_TRUE(line && line->find("\"attached\"") != std::string::npos);
      killed_attached++;
    }
    poll(nullptr, 0, static_cast<int>(random() % 200));
    observer.signal(SIGKILL);
    EXPECT_EQ(observer.wait(), -SIGKILL);
    ASSERT_TRUE(becomes_untouched(target.pid(), sites)) << "a probe stayed in the target";
  }
  EXPECT_EQ(killed_attached, 25);

  // The target goes on, and knows of nothing.
  Observer last(target.pid());
  ASSERT_TRUE(last.observation);
  const SiteCounts truth = target.pause();
  EXPECT_EQ(counts_by_site(*last.observation, last.observation->account()), truth);
}

// While it takes its probes out: the kernel leaves them there if it is done for one that is killed.
TEST(Kill, AnObserverThatIsKilledWhileItEndsLeavesNothingBehind) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  std::mt19937 random(7);
  for (int i = 0; i < 25; ++i) {
    SCOPED_TRACE(i);
    Child observer(coroscope({"watch", std::to_string(target.pid()), "--json", "-i", "20ms"}));
    ASSERT_TRUE(observer.read_line());
    observer.signal(SIGTERM);
    poll(nullptr, 0, static_cast<int>(random() % 120));
    observer.signal(SIGKILL);
    observer.wait();
    ASSERT_TRUE(becomes_untouched(target.pid(), sites)) << "a probe stayed in the target";
  }
}

TEST(Kill, AnObserverThatEndsTakesItsProbesOut) {
  ChurnTarget target;
  const auto sites = probe_sites(target.pid());
  for (const int number : {SIGINT, SIGTERM}) {
    Child observer(coroscope({"watch", std::to_string(target.pid()), "--json", "-i", "20ms"}));
    ASSERT_TRUE(observer.read_line());
    EXPECT_FALSE(untouched(target.pid(), sites)) << "it is not attached: the check proves nothing";
    observer.signal(number);
    EXPECT_EQ(observer.wait(), 0) << observer.errors();
    EXPECT_TRUE(becomes_untouched(target.pid(), sites));
    EXPECT_NE(observer.output().find("\"type\":\"report\""), std::string::npos);
  }
}

}  // namespace
}  // namespace coroscope::testing
