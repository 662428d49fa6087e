// SPDX-License-Identifier: Apache-2.0
#include "coro/testing.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "coro/coro.h"

namespace {

// CORO_SEED for the length of a test.
class SeedVariable {
 public:
  explicit SeedVariable(const std::string& value) { setenv("CORO_SEED", value.c_str(), 1); }
  ~SeedVariable() { unsetenv("CORO_SEED"); }
  SeedVariable(const SeedVariable&) = delete;
  SeedVariable& operator=(const SeedVariable&) = delete;
};

// The classic: what was read is old by the time that it is written back.
int lost_updates() {
  int value = 0;
  coro::Channel<int> log(100);
  coro::WaitGroup group;
  for (int i = 0; i < 2; ++i) {
    group.add(1);
    coro::go([&] {
      const int read = value;
      log.send(read);
      value = read + 1;
      group.done();
    });
  }
  group.wait();
  return 2 - value;
}

void must_lose_nothing() {
  if (lost_updates() != 0) throw std::runtime_error("an update was lost");
}

std::optional<coro::testing::SeedFailed> first_failure(const std::function<void()>& program,
                                                       std::uint64_t first = 0) {
  try {
    coro::testing::for_each_seed(first, 100, program);
  } catch (const coro::testing::SeedFailed& failed) {
    return failed;
  }
  return std::nullopt;
}

TEST(Explore, FindsALostUpdateAndReplaysIt) {
  const auto failed = first_failure(must_lose_nothing);
  ASSERT_TRUE(failed);
  const std::string seed = std::to_string(failed->seed());
  EXPECT_EQ(failed->what(), "coro: seed " + seed +
                                " failed: an update was lost\nTo run it alone, set CORO_SEED=" +
                                seed + " in the environment.");
  for (int i = 0; i < 3; ++i) {
    const auto again = first_failure(must_lose_nothing, failed->seed());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->seed(), failed->seed());
  }
}

// The receiver goes on before the sender has noted what it sent.
TEST(Explore, FindsAnOrderThatIsNotGuaranteed) {
  const auto failed = first_failure([] {
    coro::Channel<int> channel(1);
    bool noted = false;
    coro::go([&channel, &noted] {
      channel.send(1);
      coro::yield();
      noted = true;
    });
    channel.receive().value();
    if (!noted) throw 1;
    coro::yield();
  });
  ASSERT_TRUE(failed);
  EXPECT_NE(std::string(failed->what()).find("it threw no std::exception"), std::string::npos);
}

TEST(Explore, FindsADeadlock) {
  coro::Channel<int> none;
  const auto failed = first_failure([&none] { coro::go([&none] { none.send(1); }); });
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->seed(), 0u);
  EXPECT_NE(std::string(failed->what()).find("chan send (nil chan)"), std::string::npos);
}

TEST(Explore, NestsWhatWasThrown) {
  try {
    coro::testing::for_each_seed(7, 1, [] { throw std::out_of_range("far"); });
    FAIL();
  } catch (const coro::testing::SeedFailed& failed) {
    EXPECT_EQ(failed.seed(), 7u);
    EXPECT_THROW(std::rethrow_if_nested(failed), std::out_of_range);
  }
}

TEST(Explore, RunsEverySeedOnce) {
  int count = 0;
  coro::testing::for_each_seed(5, 20, [&count] { ++count; });
  EXPECT_EQ(count, 20);
}

TEST(Explore, AsksForFailedChecks) {
  int runs = 0;
  coro::testing::Exploration exploration;
  exploration.first = 40;
  exploration.failed = [&runs] { return runs == 3; };
  try {
    coro::testing::explore(exploration, [&runs] { ++runs; });
    FAIL();
  } catch (const coro::testing::SeedFailed& failed) {
    EXPECT_EQ(failed.seed(), 42u);
  }
}

TEST(Explore, RunsTheSeedOfTheEnvironmentAlone) {
  const auto failed = first_failure(must_lose_nothing);
  ASSERT_TRUE(failed);
  const SeedVariable variable(std::to_string(failed->seed()));
  int runs = 0;
  const auto again = first_failure(
      [&runs] {
        ++runs;
        must_lose_nothing();
      },
      failed->seed() + 1);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->seed(), failed->seed());
  EXPECT_EQ(runs, 1);
}

TEST(Explore, RefusesASeedThatIsNone) {
  for (const char* text : {"x", "1x", "-1", "18446744073709551616", " 1"}) {
    const SeedVariable variable(text);
    EXPECT_THROW(coro::testing::for_each_seed(0, 1, [] {}), coro::UsageError) << text;
  }
  const SeedVariable empty("");
  coro::testing::for_each_seed(0, 1, [] {});
}

TEST(Explore, IsNotForCoroutines) {
  coro::Scheduler scheduler({.workers = 1});
  EXPECT_THROW(scheduler.run([] { coro::testing::for_each_seed(0, 1, [] {}); }), coro::UsageError);
}

}  // namespace
