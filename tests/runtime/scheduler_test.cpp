// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "coro/coro.h"
#include "descriptor.h"

namespace {

class SchedulerTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};

INSTANTIATE_TEST_SUITE_P(Workers, SchedulerTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(SchedulerTest, RunReturnsTheResult) {
  EXPECT_EQ(scheduler_.run([] { return 42; }), 42);
  EXPECT_EQ(*scheduler_.run([] { return std::make_unique<int>(7); }), 7);
  EXPECT_EQ(scheduler_.workers(), std::max(1u, GetParam()));
}

TEST_P(SchedulerTest, RunThrowsWhatTheFunctionThrows) {
  EXPECT_THROW(scheduler_.run([] { throw std::runtime_error("lost"); }), std::runtime_error);
}

TEST_P(SchedulerTest, EveryCoroutineRunsOnce) {
  constexpr int count = 20000;
  std::vector<std::atomic<int>> runs(count);
  scheduler_.run([&runs] {
    coro::WaitGroup group;
    // In batches: ThreadSanitizer has room for some thousand fibers only.
    for (int i = 0; i < count; ++i) {
      group.add(1);
      coro::go([&runs, &group, i] {
        ++runs[static_cast<std::size_t>(i)];
        group.done();
      });
      if (i % 1000 == 999) group.wait();
    }
    group.wait();
  });
  scheduler_.wait_empty();
  for (const auto& run : runs) EXPECT_EQ(run, 1);
  EXPECT_EQ(scheduler_.live(), 0u);
}

// What the one scheduler that runs publishes of the lives on it.
struct Lives {
  std::uint64_t spawned = 0;
  std::uint64_t exited = 0;
};
Lives published_lives() {
  const auto* scheduler = reinterpret_cast<const coro_scheduler*>(coro_descriptor.schedulers);
  while (scheduler->id == 0) ++scheduler;
  Lives lives{scheduler->spawned, 0};
  for (std::uint32_t i = 0; i < scheduler->worker_count; ++i) {
    const auto* worker =
        reinterpret_cast<const coro_worker*>(scheduler->workers + i * coro_descriptor.worker_size);
    lives.spawned += worker->spawned;
    lives.exited += worker->exited;
  }
  return lives;
}

coro::Task<> end_at_once() {
  co_return;
}

TEST_P(SchedulerTest, PublishesHowManyBeganAndEnded) {
  EXPECT_EQ(published_lives().spawned, 0u) << "those of a scheduler before are not told";
  scheduler_.run([] {
    coro::WaitGroup group;
    for (int i = 0; i < 100; ++i) {
      group.add(1);
      coro::go([&group] { group.done(); });
    }
    group.wait();
    for (int i = 0; i < 10; ++i) coro::start([] { return end_at_once(); }).join();
  });
  scheduler_.go([] {});
  scheduler_.wait_empty();
  EXPECT_EQ(published_lives().spawned, 112u) << "fibers, tasks, and two from outside";
  EXPECT_EQ(published_lives().exited, 112u);
}

// Sums over a tree of coroutines: the same on any number of workers.
void sum_tree(int depth, std::uint64_t value, std::atomic<std::uint64_t>& sum,
              coro::WaitGroup& group) {
  sum += value;
  for (std::uint64_t child = 0; depth > 0 && child < 3; ++child) {
    group.add(1);
    coro::go([depth, value, child, &sum, &group] {
      sum_tree(depth - 1, value * 3 + child, sum, group);
    });
    if (child == 1) coro::yield();
  }
  group.done();
}

std::uint64_t expected_sum(int depth, std::uint64_t value) {
  std::uint64_t sum = value;
  for (std::uint64_t child = 0; depth > 0 && child < 3; ++child) {
    sum += expected_sum(depth - 1, value * 3 + child);
  }
  return sum;
}

TEST_P(SchedulerTest, TreeGivesTheSameSum) {
  std::atomic<std::uint64_t> sum{0};
  scheduler_.run([&sum] {
    coro::WaitGroup group;
    group.add(1);
    sum_tree(6, 1, sum, group);
    group.wait();
  });
  EXPECT_EQ(sum, expected_sum(6, 1));
  scheduler_.wait_empty();
}

TEST_P(SchedulerTest, IdentitiesAreUniqueAndNotZero) {
  std::mutex mutex;
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 500; ++i) {
    scheduler_.go([&] {
      coro::yield();
      const std::lock_guard guard(mutex);
      EXPECT_TRUE(ids.insert(coro::current_id()).second);
    });
  }
  scheduler_.wait_empty();
  EXPECT_EQ(ids.size(), 500u);
  EXPECT_EQ(ids.count(0), 0u);
  EXPECT_EQ(coro::current_id(), 0u);
}

TEST_P(SchedulerTest, SpawnsFromManyThreads) {
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) scheduler_.go([&ran] { ++ran; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  scheduler_.wait_empty();
  EXPECT_EQ(ran, 2000);
}

TEST_P(SchedulerTest, WorkersSleepWhenIdle) {
  scheduler_.run([] { coro::yield(); });
  while (scheduler_.idle_workers() != GetParam()) std::this_thread::yield();
}

TEST_P(SchedulerTest, ExceptionsStayWithTheirCoroutine) {
  scheduler_.run([] {
    coro::WaitGroup group;
    for (int i = 0; i < 50; ++i) {
      group.add(1);
      coro::go([i, &group] {
        const std::string mine = std::to_string(i);
        try {
          throw std::runtime_error(mine);
        } catch (const std::exception& error) {
          // Others throw and catch while we wait inside of the handler.
          for (int n = 0; n < 5; ++n) coro::yield();
          EXPECT_EQ(error.what(), mine);
          try {
            throw;
          } catch (const std::exception& again) {
            EXPECT_EQ(again.what(), mine);
          }
        }
        EXPECT_EQ(std::uncaught_exceptions(), 0);
        group.done();
      });
    }
    group.wait();
  });
  scheduler_.wait_empty();
}

TEST(Scheduler, SeveralAtOnce) {
  const std::uint32_t before = coro_descriptor.workers;
  coro::Scheduler first({.workers = 2});
  coro::Scheduler second({.workers = 1});
  EXPECT_EQ(coro_descriptor.workers, before + 3);
  coro::Channel<int> between(0);
  second.go([between]() mutable { between.send(5); });
  EXPECT_EQ(first.run([between]() mutable { return between.receive().value(); }), 5);
  second.wait_empty();  // or its coroutine's handle could be left with it
}

TEST(Scheduler, FreesCoroutinesThatAreLeft) {
  for (int round = 0; round < 3; ++round) {
    // Outlives the scheduler: what its coroutines wait on is not touched again.
    coro::Channel<int> never(0);
    coro::Scheduler scheduler({.workers = 2});
    for (int i = 0; i < 100; ++i) {
      scheduler.go([&never] { static_cast<void>(never.receive()); });
    }
    while (scheduler.idle_workers() != 2) std::this_thread::yield();
    EXPECT_EQ(scheduler.live(), 100u);
  }
}

// What ends a scheduler may come from another thread, which is then still on its
// way out of the wake-up.
TEST(Scheduler, MayEndAsSoonAsAForeignWakeUpWasSeen) {
  std::mutex mutex;
  coro::Channel<int> channel;
  std::atomic<bool> done{false};
  std::thread sender([&] {
    while (!done) {
      coro::Channel<int> target;
      {
        const std::lock_guard guard(mutex);
        target = channel;
      }
      int value = 7;
      target.try_send(value);
    }
  });
  for (int round = 0; round < 300; ++round) {
    {
      const std::lock_guard guard(mutex);
      channel = coro::Channel<int>(0);
    }
    coro::Scheduler scheduler({.workers = 1, .require_empty = true});
    scheduler.run([receiver = channel]() mutable { EXPECT_EQ(receiver.receive(), 7); });
    scheduler.wait_empty();
  }
  done = true;
  sender.join();
}

TEST(Scheduler, MisuseIsAnError) {
  EXPECT_THROW(coro::yield(), coro::UsageError);
  EXPECT_THROW(coro::go([] {}), coro::UsageError);
  EXPECT_THROW(coro::sleep_for(std::chrono::seconds(1)), coro::UsageError);
  EXPECT_THROW(static_cast<void>(coro::Channel<int>(0).receive()), coro::UsageError);
  EXPECT_THROW(coro::WaitGroup().wait(), coro::UsageError);
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run([&scheduler] {
    EXPECT_THROW(scheduler.run([] {}), coro::UsageError);
    EXPECT_THROW(scheduler.wait_empty(), coro::UsageError);
  });
}

TEST(Scheduler, ThrowingCopyAbandonsTheCoroutine) {
  struct Thrower {
    Thrower() = default;
    Thrower(const Thrower&) { throw std::runtime_error("copy"); }
    void operator()() const {}
  };
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  const Thrower thrower;
  EXPECT_THROW(scheduler.go(thrower), std::runtime_error);
  scheduler.run([&thrower] { EXPECT_THROW(coro::go(thrower), std::runtime_error); });
  scheduler.wait_empty();
}

// A queue of our own that never runs dry must not keep those waiting who were
// started or woken from outside.
TEST(Scheduler, ABusyLocalQueueDoesNotStarveTheGlobalOne) {
  const int outsiders = 1000;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([&scheduler, outsiders] {
    bool stop = false;
    for (int i = 0; i < 4; ++i) {
      coro::go([&stop] {
        while (!stop) coro::yield();
      });
    }
    int ran = 0;
    std::thread([&scheduler, &ran, outsiders] {
      for (int i = 0; i < outsiders; ++i) scheduler.go([&ran] { ++ran; });
    }).join();
    int rounds = 0;  // of all who yield
    for (; ran < outsiders; ++rounds) coro::yield();
    EXPECT_LT(rounds, outsiders);
    stop = true;
    while (scheduler.live() > 1) coro::yield();
  });
  scheduler.wait_empty();
}

}  // namespace
