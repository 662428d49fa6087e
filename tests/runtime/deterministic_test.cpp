// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "coro/coro.h"
#include "seeded.h"
#include "trace.h"

namespace {

using namespace std::chrono_literals;

TEST(Deterministic, SameSeedSameTrace) {
  std::set<std::uint64_t> different;
  for (std::uint64_t seed = 0; seed < check_seeds / 2; ++seed) {
    const std::uint64_t hash = trace_hash(seed);
    EXPECT_EQ(hash, trace_hash(seed)) << "seed " << seed;
    different.insert(hash);
  }
  EXPECT_GT(different.size(), check_seeds / 2 * 99 / 100);
}

// Runs a program that prints the trace's hash, elsewhere in its address space.
TEST(Deterministic, SameSeedSameTraceInOtherProcesses) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const std::string command = TRACE_PROGRAM " " + std::to_string(seed);
    for (int process = 0; process < 2; ++process) {
      FILE* output = popen(command.c_str(), "r");
      ASSERT_NE(output, nullptr);
      unsigned long long hash = 0;
      EXPECT_EQ(std::fscanf(output, "%llu", &hash), 1);
      EXPECT_EQ(pclose(output), 0);
      EXPECT_EQ(hash, trace_hash(seed)) << "seed " << seed;
    }
  }
}

TEST(Deterministic, EveryOrderOfThreeComesUp) {
  std::map<std::vector<int>, int> orders;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) scheduler.go([&order, i] { order.push_back(i); });
    scheduler.wait_empty();
    ++orders[order];
  }
  ASSERT_EQ(orders.size(), 6u);
  for (const auto& [order, count] : orders) EXPECT_GT(count, 20);  // of 50
}

// Tasks too: at every co_await of what may wait.
TEST(Deterministic, EveryAsyncFormIsASchedulingPoint) {
  int interrupted = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    coro::Channel<int> channel(2);
    bool inside = false;
    coro::Scheduler scheduler(seeded(seed));
    scheduler.go([&] { interrupted += inside ? 1 : 0; });
    scheduler.run([&]() -> coro::Task<void> {
      inside = true;
      co_await channel.async_send(1);
      co_await channel.async_send(2);
      inside = false;
      EXPECT_EQ(co_await channel.async_receive(), 1);
    });
    scheduler.wait_empty();
  }
  EXPECT_GT(interrupted, 15);  // of the 100, some 31
  EXPECT_LT(interrupted, 60);
}

TEST(Deterministic, ATaskLosesAnUpdateToAFiber) {
  std::set<int> results;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    coro::Channel<int> log(2);
    int value = 0;
    coro::Scheduler scheduler(seeded(seed));
    scheduler.go([&] {
      const int read = value;
      log.send(read);
      value = read + 1;
    });
    scheduler.run([&]() -> coro::Task<void> {
      const int read = value;
      co_await log.async_send(read);
      value = read + 1;
    });
    scheduler.wait_empty();
    results.insert(value);
  }
  EXPECT_EQ(results, (std::set<int>{1, 2}));
}

// A task that others were let run before ends with its scheduler.
TEST(Deterministic, EndsWithPostponedTasks) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    coro::Channel<int> channel(100);
    coro::Scheduler scheduler({.deterministic = coro::Deterministic{.seed = seed}});
    const auto send = [&channel]() -> coro::Task<void> {
      for (int i = 0; i < 10; ++i) co_await channel.async_send(i);
    };
    for (int i = 0; i < 5; ++i) scheduler.go(send);
    scheduler.run([&channel] { channel.send(1); });
  }
}

TEST(Deterministic, ProbabilityZeroSwitchesAtWaitsOnly) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    coro::Scheduler scheduler(seeded(seed, 0));
    scheduler.run([] {
      coro::Channel<int> channel(100);
      bool ran = false;
      coro::go([&ran] { ran = true; });
      for (int i = 0; i < 100; ++i) channel.send(i);
      EXPECT_FALSE(ran);
      while (!ran) coro::yield();
    });
  }
}

TEST(Deterministic, ExceptionsComeOutOfRun) {
  coro::Scheduler scheduler(seeded(1));
  EXPECT_THROW(scheduler.run([] { throw std::runtime_error("lost"); }), std::runtime_error);
  EXPECT_EQ(scheduler.run([] { return coro::blocking([] { return 7; }); }), 7);
}

TEST(Deterministic, RefusesWhatItCannotDo) {
  coro::SchedulerOptions options = seeded(0);
  options.workers = 2;
  EXPECT_THROW(coro::Scheduler{options}, coro::UsageError);
  EXPECT_THROW(coro::Scheduler{seeded(0, 1.5)}, coro::UsageError);
  EXPECT_THROW(coro::Scheduler{seeded(0, -0.1)}, coro::UsageError);
  options.workers = 0;
  EXPECT_EQ(coro::Scheduler{options}.workers(), 1u);
}

// Deadlocks.

TEST(Deadlock, NamesWhoWaits) {
  coro::Channel<int> channel(0);
  coro::WaitGroup group;
  coro::Scheduler scheduler(seeded(11));
  std::uint64_t first = 0, second = 0;
  group.add(1);
  std::string message;
  try {
    scheduler.run([&] {
      first = coro::current_id();
      coro::go([&] {
        second = coro::current_id();
        channel.send(1);
      });
      coro::sleep_for(1s);
      group.wait();
    });
  } catch (const coro::Deadlock& deadlock) {
    message = deadlock.what();
  }
  const auto line = [](std::uint64_t id, const char* reason, const void* object) {
    std::ostringstream text;
    text << "\n  coroutine " << id << ": " << reason << " on " << object;
    return text.str();
  };
  EXPECT_EQ(message,
            "coro: deadlock: all coroutines are asleep, and no timer or socket will wake one "
            "(seed 11)" +
                line(first, "sync.WaitGroup.Wait", &group) +
                line(second, "chan send", channel.object()));
  // It is over; also the destructor has nothing to add.
  bool ran = false;
  EXPECT_THROW(scheduler.run([&ran] { ran = true; }), coro::Deadlock);
  EXPECT_FALSE(ran);
  EXPECT_THROW(scheduler.wait_empty(), coro::Deadlock);
}

TEST(Deadlock, NamesTasks) {
  coro::WaitGroup group;
  group.add(1);
  coro::Scheduler scheduler(seeded(1));
  const auto wait = [&group]() -> coro::Task<void> { co_await group.async_wait(); };
  scheduler.go(wait);
  try {
    scheduler.wait_empty();
    FAIL();
  } catch (const coro::Deadlock& deadlock) {
    EXPECT_NE(std::string(deadlock.what()).find(": sync.WaitGroup.Wait on 0x"), std::string::npos);
  }
}

TEST(Deadlock, IsNoneIfTheFunctionReturned) {
  coro::Channel<int> channel(0);
  coro::Scheduler scheduler(seeded(2));
  EXPECT_EQ(scheduler.run([&channel] {
    coro::go([&channel] { EXPECT_EQ(channel.receive(), 5); });
    coro::sleep_for(1s);
    return 1;
  }),
            1);
  scheduler.run([&channel] { channel.send(5); });
  scheduler.wait_empty();
}

TEST(Deadlock, IsFoundInWaitEmpty) {
  coro::Scheduler scheduler(seeded(2));
  scheduler.go([] { coro::Channel<int>().send(1); });
  EXPECT_THROW(scheduler.wait_empty(), coro::Deadlock);
}

}  // namespace
