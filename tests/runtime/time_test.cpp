// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <utility>
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

using coro::detail::Expired;
using coro::detail::TimerEntry;
using coro::detail::Timers;

class TimerHeap : public testing::Test {
 protected:
  // Arms a timer; whether a poller would have to be woken.
  bool add(std::uint64_t deadline, std::size_t number) {
    if (entries.size() <= number) throw std::out_of_range("no such timer");
    entries[number].deadline = deadline;
    entries[number].coroutine = &coroutines[number];
    return timers.add(entries[number]);
  }
  // The numbers of those that are due, in order.
  std::vector<std::size_t> due(std::uint64_t now) {
    Expired expired;
    timers.take_expired(now, expired);
    std::vector<std::size_t> numbers;
    while (auto* coroutine = expired.coroutines.pop_front()) {
      numbers.push_back(static_cast<std::size_t>(coroutine - coroutines.data()));
    }
    return numbers;
  }

  std::uint64_t size = 0;
  Timers timers{size};
  std::vector<TimerEntry> entries = std::vector<TimerEntry>(1000);
  std::vector<coro::detail::Coroutine> coroutines = std::vector<coro::detail::Coroutine>(1000);
};

TEST_F(TimerHeap, SameDeadlineIsFirstComeFirstServed) {
  EXPECT_FALSE(add(20, 0));
  add(10, 1);
  add(20, 2);
  add(30, 3);
  EXPECT_EQ(timers.next(), 10u);
  EXPECT_EQ(due(20), (std::vector<std::size_t>{1, 0, 2}));
  EXPECT_EQ(timers.begin_poll(), 30u);
  EXPECT_TRUE(add(25, 0));  // the poller has to wake earlier
  EXPECT_FALSE(add(40, 1));
  timers.end_poll();
  EXPECT_FALSE(add(1, 2));
  EXPECT_EQ(size, 4u);
}

TEST_F(TimerHeap, CancelledTimersDoNotExpire) {
  add(10, 0);
  add(20, 1);
  add(30, 2);
  EXPECT_TRUE(timers.cancel(entries[0]));
  EXPECT_FALSE(timers.cancel(entries[0]));
  EXPECT_FALSE(timers.cancel(entries[5]));
  EXPECT_EQ(timers.next(), 20u);
  EXPECT_EQ(due(30), (std::vector<std::size_t>{1, 2}));
  EXPECT_FALSE(timers.cancel(entries[1]));
  EXPECT_EQ(timers.next(), Timers::never);
  EXPECT_EQ(size, 0u);
}

// Against a sorted multimap.
TEST_F(TimerHeap, RandomOperationsAgreeWithAModel) {
  std::mt19937 random(1);
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> model;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> key(entries.size());
  std::uint64_t now = 0;
  std::uint64_t order = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::size_t number = random() % entries.size();
    const auto known = model.find(key[number]);
    const bool armed = known != model.end() && known->second == number;
    if (random() % 8 == 0) {
      now += random() % 50;
      std::vector<std::size_t> expected;
      while (!model.empty() && model.begin()->first.first <= now) {
        expected.push_back(model.begin()->second);
        model.erase(model.begin());
      }
      ASSERT_EQ(due(now), expected);
    } else if (armed) {
      ASSERT_TRUE(timers.cancel(entries[number]));
      model.erase(known);
    } else {
      ASSERT_FALSE(timers.cancel(entries[number]));
      key[number] = {now + random() % 100, order++};
      add(key[number].first, number);
      model.emplace(key[number], number);
    }
    ASSERT_EQ(size, model.size());
    ASSERT_EQ(timers.next(), model.empty() ? Timers::never : model.begin()->first.first);
  }
}

// The first of two events wakes a coroutine that waits for both.
TEST_F(TimerHeap, ASelectionIsDecidedOnce) {
  coro::detail::Selection selection;
  coro::detail::Waiter waiter;
  entries[0].selection = entries[1].selection = &selection;
  add(10, 0);
  add(20, 1);
  EXPECT_EQ(due(30), std::vector<std::size_t>{0});
  EXPECT_EQ(selection.winner(), &entries[0]);
  EXPECT_FALSE(selection.claim(&waiter));
}

}  // namespace
