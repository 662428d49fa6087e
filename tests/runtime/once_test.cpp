// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "coro/coro.h"
#include "parking.h"
#include "seeded.h"

namespace {

using coro::Task;

class OnceTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, OnceTest, testing::Values(0u, 1u, 2u, 8u));

// The model: it runs once, and nobody returns before it has ended; `failures` runs
// fail first. Half of the callers are tasks.
struct Initialized {
  explicit Initialized(int count) : failures(count) {}

  coro::Once once;
  const int failures;
  int plain = 0;
  std::atomic<int> runs{0};
  std::atomic<int> caught{0};

  void begin() {
    if (runs++ < failures) throw std::runtime_error("not this time");
  }

  void call() {
    try {
      once.call([this] {
        begin();
        coro::yield();
        plain = 7;
      });
      EXPECT_EQ(plain, 7);
    } catch (const std::runtime_error&) {
      ++caught;
    }
  }

  Task<> run() {
    begin();
    co_await coro::async_yield();
    plain = 7;
  }

  Task<> async_call() {
    try {
      co_await once.async_call([this] { return run(); });
      EXPECT_EQ(plain, 7);
    } catch (const std::runtime_error&) {
      ++caught;
    }
  }
};

void crowd(unsigned each, int failures) {
  Initialized subject(failures);
  coro::WaitGroup left;
  left.add(2 * each);
  for (unsigned i = 0; i < each; ++i) {
    coro::go([&] {
      subject.call();
      left.done();
    });
    coro::go([&]() -> Task<> {
      co_await subject.async_call();
      left.done();
    });
  }
  left.wait();
  EXPECT_EQ(subject.runs, failures + 1);
  EXPECT_EQ(subject.caught, failures);
  EXPECT_TRUE(subject.once.done());
}

TEST_P(OnceTest, RunsOnceForManyCallers) {
  scheduler_.run([] {
    for (int round = 0; round < 50; ++round) crowd(10, round % 4);
  });
}

TEST(Once, RunsOnceInEveryOrder) {
  for (unsigned seed = 0; seed < check_seeds / 10; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] { crowd(2, static_cast<int>(seed % 3)); });
  }
}

TEST_P(OnceTest, PublishesWhoRunsItAndHowManyWait) {
  scheduler_.run([] {
    coro::Once once;
    coro::WaitGroup left;
    left.add(1);
    const coro_object& object = published(once);
    EXPECT_EQ(object.kind, CORO_OBJECT_ONCE);
    once.call([&] {
      EXPECT_EQ(object.holder, coro::current_id());
      const coro_header waiting = go_until_parked([&] {
        once.call([] { FAIL(); });
        left.done();
      });
      EXPECT_EQ(waiting.reason, CORO_REASON_MUTEX_LOCK);
      EXPECT_EQ(waiting.object, reinterpret_cast<std::uint64_t>(&once));
      EXPECT_EQ(object.waiting_receivers, 1u);
      EXPECT_EQ(object.closed, 0u);
    });
    EXPECT_EQ(object.holder, 0u);
    EXPECT_EQ(object.waiting_receivers, 0u);
    EXPECT_EQ(object.closed, 1u);
    left.wait();  // who waited looks at `once` again
  });
  scheduler_.wait_empty();
}

TEST_P(OnceTest, AfterAFailureWhoHasWaitedLongestIsNext) {
  scheduler_.run([] {
    coro::Once once;
    std::vector<int> order;
    const auto fail = [&](int which) {
      try {
        once.call([&] {
          order.push_back(which);
          throw std::runtime_error("not this time");
        });
      } catch (const std::runtime_error&) {
      }
    };
    try {
      once.call([&] {
        for (int i = 1; i <= 3; ++i) go_until_parked([&fail, i] { fail(i); });
        throw std::runtime_error("not this time");
      });
    } catch (const std::runtime_error&) {
    }
    once.call([&] { order.push_back(4); });  // behind all of them
    EXPECT_EQ(order, (std::vector{1, 2, 3, 4}));
  });
}

TEST_P(OnceTest, TakesAPlainFunctionInATask) {
  coro::Once once;
  int runs = 0;
  scheduler_.run([&]() -> Task<> {
    for (int i = 0; i < 3; ++i) co_await once.async_call([&] { ++runs; });
  });
  EXPECT_EQ(runs, 1);
  once.call([&] { ++runs; });  // outside of a coroutine: it is done
  EXPECT_EQ(runs, 1);
}

TEST(Once, OutsideOfACoroutineIsAnError) {
  coro::Once once;
  EXPECT_THROW(once.call([] { FAIL(); }), coro::UsageError);
  EXPECT_FALSE(once.done());
}

}  // namespace
