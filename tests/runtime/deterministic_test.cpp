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
#include "trace.h"

namespace {

using namespace std::chrono_literals;

coro::SchedulerOptions seeded(std::uint64_t seed, double switch_probability = 0.5) {
  return {
      .require_empty = true,
      .deterministic = coro::Deterministic{.seed = seed, .switch_probability = switch_probability}};
}

TEST(Deterministic, SameSeedSameTrace) {
  std::set<std::uint64_t> different;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const std::uint64_t hash = trace_hash(seed);
    EXPECT_EQ(hash, trace_hash(seed)) << "seed " << seed;
    different.insert(hash);
  }
  EXPECT_GT(different.size(), 990u);
}

// Runs a program that prints the trace's hash, elsewhere in its address space.
TEST(Deterministic, SameSeedSameTraceInOtherProcesses) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const std::string command = std::string(TRACE_PROGRAM) + " " + std::to_string(seed);
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

// Whether another coroutine ever ran between two operations neither of which has to wait.
template <class F>
bool interrupted_by(F operation) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    bool seen = false;
    bool inside = false;
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] {
      coro::Channel<int> channel(2);
      coro::WaitGroup group;
      coro::go([&] { seen = seen || inside; });
      inside = true;
      operation(channel, group);
      inside = false;
    });
    scheduler.wait_empty();
    if (seen) return true;
  }
  return false;
}

TEST(Deterministic, EveryOperationIsASchedulingPoint) {
  using Channel = coro::Channel<int>;
  using Group = coro::WaitGroup;
  EXPECT_FALSE(interrupted_by([](Channel&, Group&) {}));
  EXPECT_TRUE(interrupted_by([](Channel&, Group&) { coro::yield(); }));
  EXPECT_TRUE(interrupted_by([](Channel&, Group&) { coro::go([] {}); }));
  EXPECT_TRUE(interrupted_by([](Channel& channel, Group&) { channel.send(1); }));
  EXPECT_TRUE(interrupted_by([](Channel& channel, Group&) {
    channel.close();
    EXPECT_FALSE(channel.receive());
  }));
  EXPECT_TRUE(interrupted_by([](Channel& channel, Group&) { channel.close(); }));
  EXPECT_TRUE(interrupted_by([](Channel& channel, Group&) {
    int value = 1;
    EXPECT_TRUE(channel.try_send(value));
  }));
  EXPECT_TRUE(
      interrupted_by([](Channel& channel, Group&) { EXPECT_FALSE(channel.try_receive()); }));
  EXPECT_TRUE(interrupted_by([](Channel&, Group& group) { group.add(1); }));
  EXPECT_TRUE(interrupted_by([](Channel&, Group& group) { group.wait(); }));
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

// Virtual time.

TEST(VirtualTime, SleepersWakeInOrderOfDeadlines) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    std::vector<int> order;
    for (int i : {5, 1, 4, 2, 3}) {
      scheduler.go([&order, i] {
        const auto begin = coro::now();
        coro::sleep_for(i * 1h);
        EXPECT_EQ(coro::now() - begin, i * 1h);
        order.push_back(i);
      });
    }
    scheduler.wait_empty();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4, 5}));
  }
}

// 86,400 + 1,440 + 24 ticks, and a sleeper for each second of the day.
TEST(VirtualTime, ADayPassesAtOnce) {
  coro::Scheduler scheduler(seeded(3));
  std::map<std::chrono::seconds, std::uint64_t> ticks;
  std::uint64_t woken = 0;
  scheduler.run([&] {
    const auto begin = coro::now();
    const auto end = begin + 24h;
    coro::WaitGroup group;
    for (const std::chrono::seconds period : {1s, 60s, 3600s}) {
      group.add(1);
      coro::go([&ticks, &group, end, period] {
        while (coro::now() < end) {
          coro::sleep_for(period);
          ++ticks[period];
        }
        group.done();
      });
    }
    for (int i = 0; i < 1000; ++i) {
      group.add(1);
      coro::go([&woken, &group, begin, i] {
        coro::sleep_for(i * 86400ms);
        EXPECT_EQ(coro::now(), begin + i * 86400ms);
        ++woken;
        group.done();
      });
    }
    group.wait();
    EXPECT_EQ(coro::now(), end);
  });
  EXPECT_EQ(ticks[1s], 86400u);
  EXPECT_EQ(ticks[60s], 1440u);
  EXPECT_EQ(ticks[3600s], 24u);
  EXPECT_EQ(woken, 1000u);
  scheduler.wait_empty();
}

TEST(VirtualTime, StandsStillWhileAnythingRuns) {
  coro::Scheduler scheduler(seeded(1));
  scheduler.run([] {
    coro::Channel<int> ping(0), pong(0);
    coro::go([ping, pong]() mutable {
      while (const std::optional<int> value = ping.receive()) pong.send(*value);
    });
    bool late = false;
    coro::go([&late] {
      coro::sleep_for(1ns);
      late = true;
    });
    for (int i = 0; i < 5000; ++i) {
      ping.send(i);
      EXPECT_EQ(pong.receive(), i);
      EXPECT_FALSE(late);
    }
    ping.close();
    coro::sleep_for(2ns);
    EXPECT_TRUE(late);
  });
  scheduler.wait_empty();
}

TEST(VirtualTime, PassesForAProgramThatOnlyYields) {
  coro::Scheduler scheduler(seeded(1));
  scheduler.run([] {
    bool woken = false;
    for (int i = 0; i < 10; ++i) {
      coro::go([&woken] {
        while (!woken) coro::yield();
      });
    }
    coro::go([&woken] {
      coro::sleep_for(1h);
      woken = true;
    });
    const auto end = coro::now() + 30min;
    coro::go([] { coro::sleep_for(31min); });
    while (coro::now() < end) coro::yield();
    EXPECT_FALSE(woken);
  });
  scheduler.wait_empty();
}

TEST(VirtualTime, IsTheClocksOutsideOfCoroutines) {
  const auto before = std::chrono::steady_clock::now();
  const auto now = coro::now();
  EXPECT_LE(before, now);
  EXPECT_LE(now, std::chrono::steady_clock::now());
  coro::Scheduler ordinary({.workers = 1});
  EXPECT_LE(now, ordinary.run([] { return coro::now(); }));
  coro::Scheduler scheduler(seeded(0));
  EXPECT_EQ(scheduler.run([] { return coro::now(); }).time_since_epoch(), 1s);
}

// Sockets: real, in virtual time.
TEST(VirtualTime, WaitsForSocketsBeforeItPasses) {
  coro::Scheduler scheduler(seeded(5));
  scheduler.run([] {
    coro::net::Listener listener = coro::net::Listener::listen("127.0.0.1", 0);
    const std::uint16_t port = listener.port();
    coro::go([port] {
      coro::sleep_for(1h);
      coro::net::Connection connection = coro::net::Connection::connect("127.0.0.1", port);
      connection.write("x");
    });
    coro::net::Connection connection = listener.accept();
    char byte = 0;
    EXPECT_EQ(connection.read(&byte, 1), 1u);
    EXPECT_EQ(coro::now().time_since_epoch(), 1h + 1s);
  });
  scheduler.wait_empty();
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
