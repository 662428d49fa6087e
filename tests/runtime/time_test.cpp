// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <vector>

#include "coro/coro.h"
#include "timers.h"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(Sleep, LastsAtLeastAsLong) {
  for (unsigned workers : {1u, 2u}) {
    coro::Scheduler scheduler({.workers = workers});
    scheduler.run([] {
      for (const auto duration : {1ns, 50'000ns, 3'000'000ns}) {
        const auto begin = Clock::now();
        coro::sleep_for(duration);
        EXPECT_GE(Clock::now() - begin, duration);
      }
      coro::sleep_for(0ns);
      coro::sleep_for(-5s);
    });
  }
}

// The order is that of the deadlines, whatever the order of the calls. Each
// coroutine's wake-up is awaited before the next can be due.
TEST(Sleep, WakesInOrderOfDeadlines) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  std::vector<int> order;
  scheduler.run([&order] {
    coro::WaitGroup group;
    for (int i : {5, 1, 4, 2, 3}) {
      group.add(1);
      coro::go([&order, &group, i] {
        coro::sleep_for(i * 20ms);
        order.push_back(i);
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4, 5}));
  scheduler.wait_empty();
}

TEST(Sleep, ManyAtOnce) {
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  for (int i = 0; i < 2000; ++i) {
    scheduler.go([i] { coro::sleep_for(std::chrono::microseconds(i % 500)); });
  }
  scheduler.wait_empty();
}

// A worker that is never out of work fires timers, too.
TEST(Sleep, IsNotStarvedByYielding) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run([] {
    bool woken = false;
    coro::go([&woken] {
      coro::sleep_for(1ms);
      woken = true;
    });
    while (!woken) coro::yield();
  });
}

TEST(Timers, SameDeadlineIsFirstComeFirstServed) {
  coro::detail::Timers timers;
  std::vector<coro::detail::Fiber> fibers(4);
  EXPECT_FALSE(timers.add(20, fibers[0]));
  timers.add(10, fibers[1]);
  timers.add(20, fibers[2]);
  timers.add(30, fibers[3]);
  EXPECT_EQ(timers.next(), 10u);
  coro::detail::FiberList due;
  timers.take_expired(20, due);
  EXPECT_EQ(due.pop_front(), &fibers[1]);
  EXPECT_EQ(due.pop_front(), &fibers[0]);
  EXPECT_EQ(due.pop_front(), &fibers[2]);
  EXPECT_TRUE(due.empty());
  EXPECT_EQ(timers.begin_poll(), 30u);
  EXPECT_TRUE(timers.add(25, fibers[0]));  // the poller has to wake earlier
  EXPECT_FALSE(timers.add(40, fibers[1]));
  timers.end_poll();
  EXPECT_FALSE(timers.add(1, fibers[2]));
}

}  // namespace
