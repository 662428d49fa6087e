// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "coro/coro.h"

namespace {

class WaitGroupTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, WaitGroupTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(WaitGroupTest, WaitsForAll) {
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  scheduler.run([] {
    for (int round = 0; round < 200; ++round) {
      coro::WaitGroup group;
      std::atomic<int> ended{0};
      group.add(10);
      for (int i = 0; i < 10; ++i) {
        coro::go([&, i] {
          if (i % 3 == 0) coro::yield();
          ++ended;
          group.done();
        });
      }
      group.wait();
      ASSERT_EQ(ended, 10);
      ASSERT_EQ(group.count(), 0u);
    }
  });
  scheduler.wait_empty();
}

TEST_P(WaitGroupTest, WakesEveryWaiterAndCanBeUsedAgain) {
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  scheduler.run([] {
    coro::WaitGroup work, waiters;
    for (int round = 0; round < 50; ++round) {
      work.add(1);
      for (int i = 0; i < 5; ++i) {
        waiters.add(1);
        coro::go([&] {
          work.wait();
          waiters.done();
        });
      }
      coro::yield();
      work.done();
      waiters.wait();
    }
  });
  scheduler.wait_empty();
}

TEST_P(WaitGroupTest, WaitsForALimitedTime) {
  using std::chrono_literals::operator""h;
  using std::chrono_literals::operator""ms;
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  scheduler.run([] {
    coro::WaitGroup group;
    EXPECT_TRUE(group.wait_for(0ms));
    group.add(1);
    EXPECT_FALSE(group.wait_for(0ms));
    EXPECT_FALSE(group.wait_for(2ms));
    coro::go([&group] { group.done(); });
    EXPECT_TRUE(group.wait_for(1h));
  });
  scheduler.run([]() -> coro::Task<> {
    coro::WaitGroup group;
    EXPECT_TRUE(co_await group.async_wait_for(0ms));
    group.add(1);
    EXPECT_FALSE(co_await group.async_wait_for(0ms));
    EXPECT_FALSE(co_await group.async_wait_for(2ms));
    coro::go([&group] { group.done(); });
    EXPECT_TRUE(co_await group.async_wait_for(1h));
  });
  scheduler.wait_empty();
}

TEST(WaitGroup, NegativeCounterIsAnErrorAndChangesNothing) {
  coro::WaitGroup group;
  group.add(2);
  try {
    group.add(-3);
    FAIL() << "no exception";
  } catch (const coro::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("negative WaitGroup counter"), std::string::npos);
  }
  EXPECT_EQ(group.count(), 2u);
  group.add(-2);
  EXPECT_THROW(group.done(), coro::UsageError);
}

TEST(WaitGroup, DoneFromAThread) {
  coro::Scheduler scheduler({.workers = 1});
  coro::WaitGroup group;
  group.add(1);
  std::thread thread([&group] { group.done(); });
  scheduler.run([&group] { group.wait(); });
  thread.join();
}

}  // namespace
