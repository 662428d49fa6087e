// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "coro/coro.h"
#include "seeded.h"

namespace {

using coro::Task;
using std::chrono_literals::operator""ms;

class GroupTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, GroupTest, testing::Values(0u, 1u, 2u, 8u));

// The model: never more at once than the limit, all have ended after wait(), and
// with `failing` of them, one of their exceptions is thrown.
struct Work {
  unsigned limit;
  std::atomic<unsigned> running{0};
  std::atomic<unsigned> ended{0};

  void begin() { ASSERT_LE(++running, limit); }
  void end(bool fails) {
    --running;
    ++ended;
    if (fails) throw std::runtime_error("failed");
  }
};

void crowd_at_group(unsigned count, unsigned limit, unsigned seed) {
  std::mt19937 random(seed);
  Work work{limit};
  unsigned started = 0;
  unsigned failing = 0;
  coro::Group group;
  group.set_limit(limit);
  for (unsigned i = 0; i < count; ++i) {
    const bool fails = random() % 8 == 0;
    const bool is_task = random() % 2 == 0;
    const auto fiber = [&work, fails] {
      work.begin();
      coro::yield();
      work.end(fails);
    };
    const auto task = [&work, fails]() -> Task<> {
      work.begin();
      co_await coro::async_yield();
      work.end(fails);
    };
    if (random() % 4 == 0) {
      if (!(is_task ? group.try_go(task) : group.try_go(fiber))) continue;
    } else {
      is_task ? group.go(task) : group.go(fiber);
    }
    ++started;
    if (fails) ++failing;
  }
  if (failing == 0) {
    EXPECT_NO_THROW(group.wait());
  } else {
    EXPECT_THROW(group.wait(), std::runtime_error);
  }
  EXPECT_EQ(work.ended, started);
  EXPECT_TRUE(group.context().done());
}

TEST_P(GroupTest, KeepsToItsLimitAndWaitsForAll) {
  scheduler_.run([] {
    for (unsigned limit : {1u, 3u, 100u}) crowd_at_group(100, limit, limit);
  });
}

TEST(Group, KeepsToItsLimitInEveryOrder) {
  for (unsigned seed = 0; seed < check_seeds / 10; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] { crowd_at_group(6, 1 + seed % 3, seed); });
  }
}

TEST_P(GroupTest, TheFirstExceptionEndsTheContextOfTheOthers) {
  scheduler_.run([] {
    coro::Group group;
    std::atomic<int> told{0};
    for (int i = 0; i < 5; ++i) {
      group.go([&] {
        group.context().wait();
        ++told;
        throw std::logic_error("a later one");
      });
    }
    group.go([]() -> Task<> {
      co_await coro::async_yield();
      throw std::runtime_error("the first");
    });
    for (int i = 0; i < 2; ++i) {
      try {
        group.wait();
        FAIL() << "no exception";
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "the first");
      }
    }
    EXPECT_EQ(told, 5);
    EXPECT_THROW(std::rethrow_exception(group.context().cause()), std::runtime_error);
  });
}

TEST_P(GroupTest, EndsWithItsParent) {
  scheduler_.run([] {
    const auto [parent, cancel] = coro::with_cancel(coro::Context());
    coro::Group group(parent);
    group.go([&group] { group.context().wait(); });
    EXPECT_FALSE(group.context().done());
    cancel();
    group.wait();
  });
}

TEST_P(GroupTest, WaitsForTheRestWhenItIsDestroyed) {
  scheduler_.run([] {
    std::atomic<bool> ended{false};
    try {
      coro::Group group;
      group.go([&group, &ended] {
        group.context().wait();
        coro::yield();
        ended = true;
      });
      throw std::runtime_error("before wait()");
    } catch (const std::runtime_error&) {
      EXPECT_TRUE(ended);
    }
  });
}

Task<> in_a_task() {
  std::atomic<int> sum{0};
  coro::Group group;
  group.set_limit(2);
  EXPECT_THROW(group.go([] {}), coro::UsageError);
  for (int i = 1; i <= 10; ++i) {
    co_await group.async_go([&sum, i]() -> Task<> {
      co_await coro::async_yield();
      sum += i;
    });
  }
  co_await group.async_wait();
  EXPECT_EQ(sum, 55);
  coro::Group failing;
  co_await failing.async_go([] { throw std::runtime_error("from a fiber"); });
  failing.go([&sum] { ++sum; });
  EXPECT_THROW(co_await failing.async_wait(), std::runtime_error);
  EXPECT_EQ(sum, 56);
}

TEST_P(GroupTest, WorksInTasks) {
  scheduler_.run(in_a_task());
}

// What a coroutine's function captured is gone before wait() returns.
TEST_P(GroupTest, CapturesAreGoneAfterWait) {
  scheduler_.run([] {
    for (int i = 0; i < 100; ++i) {
      auto held = std::make_shared<int>(1);
      coro::Group group;
      group.go([copy = held] { coro::yield(); });
      group.go([copy = held]() -> Task<> { co_await coro::async_yield(); });
      group.wait();
      ASSERT_EQ(held.use_count(), 1);
    }
  });
}

TEST_P(GroupTest, MisuseIsTold) {
  scheduler_.run([] {
    coro::Group group;
    EXPECT_THROW(group.set_limit(0), coro::UsageError);
    group.go([&group] { group.context().wait(); });
    EXPECT_THROW(group.set_limit(1), coro::UsageError);
  });
  coro::Group group;
  EXPECT_THROW(group.go([] {}), coro::UsageError);
  EXPECT_NO_THROW(group.set_limit(3));
  EXPECT_THROW(group.go([] {}), coro::UsageError);
  EXPECT_THROW(group.wait(), coro::UsageError);
}

// A group and its coroutines that are left when their scheduler ends.
TEST(Group, MayBeLeftInATask) {
  coro::Scheduler scheduler({.workers = 0});
  scheduler.run([] {
    for (int i = 0; i < 3; ++i) {
      coro::go([]() -> Task<> {
        coro::Group group;
        coro::Channel<int> silent(0);
        group.go(
            [silent]() mutable -> Task<> { static_cast<void>(co_await silent.async_receive()); });
        co_await group.async_wait();
      });
    }
    for (int i = 0; i < 10; ++i) coro::yield();
  });
}

}  // namespace
