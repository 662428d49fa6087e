// SPDX-License-Identifier: Apache-2.0
// Each map and buffer runs out of room: the account says so, and what it says is still known
// is still right.
#include <gtest/gtest.h>

#include <string>

#include "churn_target.h"
#include "model/ledger.h"
#include "targets/target.h"

namespace coroscope::testing {
namespace {

void expect_told(const Account& account) {
  EXPECT_LT(account.completeness(), 1.0) << losses_of(account);
}

class Exhausted : public ::testing::TestWithParam<ProbeMode> {};
INSTANTIATE_TEST_SUITE_P(Modes, Exhausted, ::testing::Values(ProbeMode::full, ProbeMode::classic),
                         [](const auto& mode) { return std::string(name_of(mode.param)); });

TEST_P(Exhausted, AWindowWithoutRoomIsTold) {
  StormTarget target;
  int told = 0;
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    Observer observer(target.pid(), {.mode = GetParam()}, {.window = 64});
    ASSERT_TRUE(observer.observation);
    const SiteCounts truth = target.pause();
    const Account account = observer.observation->account();
    if (account.losses.window_full > 0) {
      expect_told(account);
      ++told;
    } else {
      EXPECT_EQ(counts_by_site(*observer.observation, account), truth);
    }
    target.resume();
  }
  EXPECT_GT(told, 0) << "there was room enough: the check proves nothing";
}

TEST(ExhaustedWorkers, AreToldWithTheirEvents) {
  ChurnTarget target("churn", 4);
  Observer observer(target.pid(), {.mode = ProbeMode::full}, {.workers = 1});
  ASSERT_TRUE(observer.observation);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(observer.observation->tick());
  target.pause();
  const Account account = observer.observation->account();
  EXPECT_GT(account.losses.events_missed, 0u);
  expect_told(account);
  // The census found who is there, whatever the events say.
  ASSERT_TRUE(observer.observation->tick());
  expect_told(observer.observation->last_account());
}

TEST(ExhaustedTargets, AreRefused) {
  auto kernel = KernelCounters::load({});
  ASSERT_TRUE(kernel) << kernel.error().message;
  for (uint32_t slot = 0; slot < WIRE_MAX_TARGETS; ++slot) {
    const auto added = kernel->add_target({.stacks = 1});
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(*added, slot);
  }
  const auto beyond = kernel->add_target({.stacks = 1});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().kind, ErrorKind::usage);
  kernel->remove_target(7);
  const auto freed = kernel->add_target({.stacks = 1});
  ASSERT_TRUE(freed) << freed.error().message;
  EXPECT_EQ(*freed, 7u);
}

TEST_P(Exhausted, ASlotThatIsUsedAgainKnowsNothingOfItsFormerOwner) {
  auto loaded = KernelCounters::load({});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto kernel = std::make_shared<KernelCounters>(std::move(*loaded));
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(round);
    ChurnTarget target;
    auto opened = Observation::open(target.pid());
    ASSERT_TRUE(opened) << opened.error().message;
    Observation& observation = **opened;
    ASSERT_TRUE(attach_to(observation, kernel, {.mode = GetParam()}));
    ASSERT_TRUE(observation.tick());
    const SiteCounts truth = target.pause();
    const Account account = observation.account();
    EXPECT_EQ(counts_by_site(observation, account), truth);
    EXPECT_EQ(account.losses.total(), 0u) << losses_of(account);
  }
  const auto first = kernel->add_target({.stacks = 1});
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, 0u) << "each had the room of the one before";
}

// A target of which each coroutine has a spawn stack of its own.
class ManyStacks {
 public:
  ManyStacks() { EXPECT_EQ(child_.read_line(), "ready"); }

  pid_t pid() const { return child_.pid(); }
  void start(int count) {
    tell("start", count);
    live_ += count;
  }
  void pass(int count) { tell("pass", count); }

  // At rest all of them wait.
  void expect_total(const Account& account) const {
    EXPECT_EQ(account.live, live_);
    EXPECT_EQ(account.parked, live_);
  }

 private:
  void tell(const std::string& what, int count) {
    child_.write_line(what + " " + std::to_string(count));
    EXPECT_EQ(child_.read_line(), "done");
  }

  Child child_{{program("many_stacks")}};
  int64_t live_ = 0;
};

TEST_P(Exhausted, TheMapOfStacksGrowsBeforeItIsFull) {
  ManyStacks target;
  Observer observer(target.pid(), {.mode = GetParam()});
  ASSERT_TRUE(observer.observation);
  EXPECT_EQ(observer.kernel->stacks(0), WIRE_DEFAULT_STACKS);
  for (int i = 0; i < 6; ++i) {
    SCOPED_TRACE(i);
    target.start(200);
    target.pass(1300);
    ASSERT_TRUE(observer.observation->tick());
    const Account account = observer.observation->account();
    EXPECT_EQ(account.losses.total(), 0u) << losses_of(account);
    target.expect_total(account);
  }
  const auto stacks = observer.observation->target().stacks_now();
  EXPECT_GT(stacks, 2 * WIRE_DEFAULT_STACKS);
  EXPECT_GT(observer.kernel->stacks(0), stacks);
  // Each has a row of its own: nothing was counted together.
  EXPECT_EQ(observer.observation->account().stacks.size(), stacks);
}

TEST_P(Exhausted, StacksThatCameTooFastAreCountedTogether) {
  ManyStacks target;
  Observer observer(target.pid(), {.mode = GetParam()});
  ASSERT_TRUE(observer.observation);
  target.pass(WIRE_DEFAULT_STACKS);
  target.start(1000);
  const Account before = observer.observation->account();
  EXPECT_GE(before.losses.stack_unmapped, 1000u);
  expect_told(before);
  target.expect_total(before);

  // From the next look on there is room; what was counted together stays so.
  ASSERT_TRUE(observer.observation->tick());
  EXPECT_GT(observer.kernel->stacks(0), observer.observation->target().stacks_now());
  target.start(1000);
  const Account after = observer.observation->account();
  EXPECT_EQ(after.losses.stack_unmapped, before.losses.stack_unmapped);
  target.expect_total(after);
}

TEST_P(Exhausted, StacksBeyondTheTargetsOwnRoomAreTold) {
  ManyStacks target;
  Observer observer(target.pid(), {.mode = GetParam()});
  ASSERT_TRUE(observer.observation);
  const auto most = observer.observation->target().stacks_at_most();
  for (uint32_t passed = 0; passed < most; passed += 16384) {
    target.pass(16384);
    ASSERT_TRUE(observer.observation->tick());
  }
  target.start(500);
  ASSERT_TRUE(observer.observation->tick());
  const Account account = observer.observation->account();
  EXPECT_EQ(observer.observation->target().stacks_now(), most);
  EXPECT_GE(account.losses.stacks_lost, 500u);
  expect_told(account);
  target.expect_total(account);
  // Attached to late, too.
  Observer late(target.pid(), {.mode = GetParam()});
  ASSERT_TRUE(late.observation);
  target.expect_total(late.observation->account());
  expect_told(late.observation->account());
}

}  // namespace
}  // namespace coroscope::testing
