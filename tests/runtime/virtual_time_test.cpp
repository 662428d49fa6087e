// SPDX-License-Identifier: Apache-2.0
// The clock of deterministic schedulers.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "coro/coro.h"
#include "seeded.h"

namespace {

using namespace std::chrono_literals;

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

// Tries and looks that yield when they have no success wait for time to pass, too.
template <class F>
void pass_an_hour(F succeeds_after_it) {
  coro::Scheduler scheduler(seeded(1));
  scheduler.run([&] {
    const auto end = coro::now() + 1h;
    bool over = false;
    coro::go([&over] {
      coro::sleep_for(1h);
      over = true;
    });
    succeeds_after_it(over);
    EXPECT_EQ(coro::now(), end);
  });
  scheduler.wait_empty();
}

TEST(VirtualTime, PassesForAProgramThatOnlyTries) {
  pass_an_hour([](const bool& over) {
    coro::Channel<int> channel(1);
    coro::Semaphore semaphore(1);
    coro::Mutex mutex;
    const std::lock_guard guard(mutex);
    int value = 1;
    channel.send(1);
    semaphore.acquire();
    while (!over) {
      EXPECT_FALSE(channel.try_send(value));
      EXPECT_FALSE(coro::Channel<int>(0).try_receive());
      EXPECT_FALSE(mutex.try_lock());
      EXPECT_FALSE(mutex.try_lock_for(0ms));
      EXPECT_FALSE(semaphore.try_acquire());
      coro::select(coro::on_send(channel, 2, [] { FAIL(); }), coro::otherwise([] {}));
      coro::yield();
    }
  });
}

TEST(VirtualTime, PassesForAProgramThatOnlyLooks) {
  pass_an_hour([](const bool&) {
    const auto [context, cancel] = coro::with_timeout(coro::Context(), 1h);
    coro::WaitGroup group;
    coro::Semaphore semaphore(1);
    coro::Channel<int> channel(1);
    const auto join = coro::start([&context = context] { context.wait(); });
    while (!join.ended()) {
      EXPECT_EQ(group.count() + channel.size() + semaphore.available(), 1u);
      coro::yield();
    }
  });
}

TEST(VirtualTime, StandsStillWhileTriesSucceed) {
  coro::Scheduler scheduler(seeded(1));
  scheduler.run([] {
    coro::Mutex mutex;
    coro::Channel<int> channel(1);
    bool late = false;
    coro::go([&late] {
      coro::sleep_for(1ns);
      late = true;
    });
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(i % 2 == 0 ? channel.try_send(i) : channel.try_receive().has_value());
      coro::yield();
    }
    for (int i = 0; i < 1000; ++i) {
      EXPECT_TRUE(mutex.try_lock());
      mutex.unlock();
      coro::yield();
    }
    EXPECT_FALSE(late);
  });
  scheduler.wait_empty();
}

coro::Task<void> yield_until(const bool& woken) {
  while (!woken) co_await coro::async_yield();
}

TEST(VirtualTime, PassesForTasksThatOnlyYield) {
  coro::Scheduler scheduler(seeded(1));
  bool woken = false;
  for (int i = 0; i < 5; ++i) scheduler.go(yield_until(woken));
  scheduler.run([&woken]() -> coro::Task<void> {
    co_await coro::async_sleep_for(1h);
    woken = true;
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

}  // namespace
