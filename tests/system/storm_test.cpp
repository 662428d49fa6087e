// SPDX-License-Identifier: Apache-2.0
// While events come as fast as two workers can make them, observers come and go, and are
// killed, and the target forks: each account is exact.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "churn_target.h"
#include "probe_sites.h"

namespace coroscope::testing {
namespace {

void pass_by(std::mt19937& random, int at_most_ms) {
  poll(nullptr, 0, static_cast<int>(random() % static_cast<unsigned>(at_most_ms)));
}

// What the account says is so; or it says itself that it may not be.
void expect_exact_or_told(Observer& observer, const SiteCounts& truth) {
  const Account account = observer.observation->account();
  if (account.losses.total() > 0) {
    EXPECT_LT(account.completeness(), 1.0);
    std::cout << "told as lost: " << losses_of(account) << std::endl;
    return;
  }
  EXPECT_EQ(counts_by_site(*observer.observation, account), truth);
  EXPECT_EQ(account.completeness(), 1.0);
  EXPECT_GT(account.baseline, 0);
}

// Every round is drawn by lot, from a seed.
class Storm : public ::testing::TestWithParam<ProbeMode> {
 protected:
  void attach_look_and_detach() {
    Observer observer(target_.pid(), {.mode = GetParam()});
    ASSERT_TRUE(observer.observation);
    for (auto looks = random_() % 4; looks > 0; --looks) ASSERT_TRUE(observer.observation->tick());
    observer.observation->detach();
  }

  void kill_an_observer() {
    Child observer(coroscope({"watch", std::to_string(target_.pid()), "--json", "-i", "20ms",
                              "--probes", std::string(name_of(GetParam()))}));
    if (random_() % 2 == 0) {
      const auto line = observer.read_line();  // attached, and at work
      ASSERT_TRUE(line && line->find("\"attached\"") != std::string::npos);
    }
    pass_by(random_, 150);
    observer.signal(SIGKILL);
    EXPECT_EQ(observer.wait(), -SIGKILL);
  }

  void fork_a_child_that_goes_on() {
    const pid_t child = target_.fork();
    ASSERT_GT(child, 0);
    children_.push_back(child);
  }

  void fork_a_child_that_ends() { EXPECT_EQ(target_.fork(10), 0); }

  void disturb() {
    const std::function<void()> all[] = {
        [this] { attach_look_and_detach(); },
        [this] { kill_an_observer(); },
        [this] { fork_a_child_that_goes_on(); },
        [this] { fork_a_child_that_ends(); },
    };
    all[random_() % std::size(all)]();
  }

  void end_children() {
    for (const pid_t child : children_) kill(child, SIGKILL);
    children_.clear();
  }

  StormTarget target_;
  std::vector<ProbeSite> sites_ = probe_sites(target_.pid());
  std::mt19937 random_{20};
  std::vector<pid_t> children_;  // of the target
};
INSTANTIATE_TEST_SUITE_P(Modes, Storm, ::testing::Values(ProbeMode::full, ProbeMode::classic),
                         [](const auto& mode) { return std::string(name_of(mode.param)); });

TEST_P(Storm, WhateverElseHappensTheAccountIsExact) {
  ASSERT_TRUE(untouched(target_.pid(), sites_));
  int complete = 0;
  // A trap for each event, and four probes to take out, cost time.
  const int rounds = GetParam() == ProbeMode::full ? 24 : 12;
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    disturb();
    {
      Observer observer(target_.pid(), {.mode = GetParam()});
      ASSERT_TRUE(observer.observation);
      disturb();
      pass_by(random_, 30);
      expect_exact_or_told(observer, target_.pause());
      ASSERT_TRUE(observer.observation->tick());  // and the audit agrees
      complete += observer.observation->last_account().losses.total() == 0;
      target_.resume();
    }
    end_children();
    ASSERT_TRUE(becomes_untouched(target_.pid(), sites_)) << "a probe stayed in the target";
  }
  // One that loses its processor in the middle of a step may be told as not seen; not always.
  EXPECT_GT(complete, rounds / 2);
}

TEST(StormOfTwoModes, BothObserversAreExact) {
  StormTarget target;
  const auto sites = probe_sites(target.pid());
  for (int round = 0; round < 5; ++round) {
    SCOPED_TRACE(round);
    Observer full(target.pid(), {.mode = ProbeMode::full});
    Observer classic(target.pid(), {.mode = ProbeMode::classic});
    ASSERT_TRUE(full.observation && classic.observation);
    ASSERT_TRUE(full.observation->tick());
    ASSERT_TRUE(classic.observation->tick());
    const SiteCounts truth = target.pause();
    expect_exact_or_told(full, truth);
    expect_exact_or_told(classic, truth);

    // Whoever goes first takes nothing away from the other.
    target.resume();
    (round % 2 == 0 ? full : classic).observation->detach();
    const SiteCounts later = target.pause();
    expect_exact_or_told(round % 2 == 0 ? classic : full, later);
    target.resume();
  }
  EXPECT_TRUE(becomes_untouched(target.pid(), sites));
}

}  // namespace
}  // namespace coroscope::testing
