// SPDX-License-Identifier: Apache-2.0
#include "coro/timer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "coro/abi.h"
#include "coro/coro.h"
#include "park.h"
#include "sanitizer.h"
#include "scheduler_core.h"
#include "seeded.h"

namespace {

using namespace std::chrono_literals;
using coro::Channel;
using coro::Ticker;
using coro::TimePoint;
using coro::Timer;

std::uint64_t armed() {
  return coro::detail::current_coroutine()->scheduler->timers().size();
}

std::uint64_t nanoseconds_of(TimePoint time) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

std::uint64_t published_deadline(const Channel<TimePoint>& channel) {
  return static_cast<const coro_object*>(channel.object())->deadline_ns;
}

class TimerTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, TimerTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(TimerTest, FiresOnce) {
  scheduler_.run([] {
    const TimePoint begin = coro::now();
    Timer timer(1ms);
    Channel<TimePoint> channel = timer.channel();
    EXPECT_GE(channel.receive().value(), begin + 1ms);
    EXPECT_TRUE(channel.receive_for(2ms).timed_out);
    EXPECT_FALSE(timer.stop());
    EXPECT_EQ(armed(), 0u);
    EXPECT_EQ(published_deadline(channel), 0u);
  });
}

TEST_P(TimerTest, StopAndReset) {
  scheduler_.run([] {
    const TimePoint begin = coro::now();
    Timer timer(1h);
    EXPECT_EQ(armed(), 1u);
    const std::uint64_t deadline = published_deadline(timer.channel());
    EXPECT_GE(deadline, nanoseconds_of(begin + 1h));
    EXPECT_LE(deadline, nanoseconds_of(coro::now() + 1h));
    EXPECT_TRUE(timer.stop());
    EXPECT_EQ(published_deadline(timer.channel()), 0u);
    EXPECT_FALSE(timer.stop());
    EXPECT_EQ(armed(), 0u);
    EXPECT_FALSE(timer.reset(1h));
    EXPECT_TRUE(timer.reset(1ms));
    Channel<TimePoint> channel = timer.channel();
    EXPECT_TRUE(channel.receive().has_value());
    // A time that was not received is taken back.
    EXPECT_FALSE(timer.reset(0ms));
    while (channel.size() == 0) coro::yield();
    EXPECT_FALSE(timer.reset(1h));
    EXPECT_EQ(channel.size(), 0u);
    EXPECT_TRUE(timer.stop());
  });
}

TEST_P(TimerTest, TheDestructorStopsIt) {
  scheduler_.run([] {
    {
      Timer timer(1h);
      Ticker ticker(1h);
      Timer moved(std::move(timer));
      EXPECT_FALSE(timer.stop());
      EXPECT_FALSE(timer.reset(1ms));
      moved = Timer(1h);
      EXPECT_EQ(armed(), 2u);
    }
    EXPECT_EQ(armed(), 0u);
  });
}

TEST_P(TimerTest, RunsAFunction) {
  scheduler_.run([] {
    Channel<std::uint64_t> ran(0);
    Timer timer = Timer::after_func(1ms, [ran]() mutable { ran.send(coro::current_id()); });
    EXPECT_NE(ran.receive().value(), coro::current_id());
    EXPECT_FALSE(timer.reset(1ms));
    EXPECT_NE(ran.receive().value(), coro::current_id());
    Timer never = Timer::after_func(1h, [] { ADD_FAILURE() << "was stopped"; });
    EXPECT_TRUE(never.stop());
    Timer::after_func(1ms, [ran]() mutable { ran.send(0); }).detach();
    EXPECT_EQ(ran.receive(), 0u);
    EXPECT_EQ(coro::after(1ms).receive().has_value(), true);
  });
}

TEST_P(TimerTest, TicksUntilItIsStopped) {
  scheduler_.run([] {
    const TimePoint begin = coro::now();
    Ticker ticker(1ms);
    Channel<TimePoint> channel = ticker.channel();
    for (int i = 1; i <= 5; ++i) EXPECT_GE(channel.receive().value(), begin + i * 1ms);
    ticker.stop();
    EXPECT_TRUE(channel.receive_for(3ms).timed_out);
    ticker.reset(2ms);
    EXPECT_TRUE(channel.receive().has_value());
    EXPECT_TRUE(channel.receive().has_value());
  });
}

coro::Task<> tick_in_a_task(std::atomic<int>& ticks) {
  Ticker ticker(1ms);
  Channel<TimePoint> channel = ticker.channel();
  for (int i = 0; i < 3; ++i) {
    if (co_await channel.async_receive()) ++ticks;
  }
  co_await coro::async_sleep_until(coro::now() + 1ms);
}

TEST_P(TimerTest, InTasks) {
  std::atomic<int> ticks{0};
  scheduler_.run(tick_in_a_task(ticks));
  EXPECT_EQ(ticks, 3);
}

// Ticks keep to the multiples of the period; what nobody receives is dropped.
TEST(Timers, TicksAreDroppedAndKeepTheirBeat) {
  coro::Scheduler scheduler(seeded(1));
  scheduler.run([] {
    const TimePoint begin = coro::now();
    Ticker ticker(10ms);
    Channel<TimePoint> channel = ticker.channel();
    coro::sleep_until(begin + 35ms);
    EXPECT_EQ(channel.receive(), begin + 10ms);
    EXPECT_EQ(channel.receive(), begin + 40ms);
    ticker.reset(7ms);
    EXPECT_EQ(channel.receive(), begin + 47ms);
  });
}

TEST(Timers, MisuseIsTold) {
  EXPECT_THROW(Timer(1ms), coro::UsageError);
  EXPECT_THROW(Ticker(1ms), coro::UsageError);
  EXPECT_THROW(static_cast<void>(coro::after(1ms)), coro::UsageError);
  coro::Scheduler scheduler(seeded(1));
  scheduler.run([] {
    EXPECT_THROW(Ticker(0ms), coro::UsageError);
    EXPECT_THROW(static_cast<void>(Timer::after_func(1ms, nullptr)), coro::UsageError);
    Ticker ticker(1s);
    EXPECT_THROW(ticker.reset(-1ms), coro::UsageError);
  });
}

TEST(Timers, MayOutliveTheirScheduler) {
  std::optional<Timer> timer;
  std::optional<Ticker> ticker;
  auto held = std::make_shared<int>(0);
  std::optional<Timer> calling;
  {
    coro::Scheduler scheduler({.workers = 1});
    scheduler.run([&] {
      timer.emplace(1h);
      ticker.emplace(1h);
      calling.emplace(Timer::after_func(1h, [held] {}));
      static_cast<void>(coro::after(1h));
    });
  }
  EXPECT_FALSE(timer->reset(1ms));
  EXPECT_FALSE(timer->stop());
  ticker->reset(1ms);
  ticker->stop();
  calling.reset();
  EXPECT_EQ(held.use_count(), 1);
}

// Against a model, on virtual time: when each of some timers fires.
TEST(Timers, RandomStopsAndResetsAgreeWithAModel) {
  for (unsigned seed = 0; seed < check_seeds / 10; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([seed] {
      std::mt19937 random(seed);
      Timer timer(5ms);
      Channel<TimePoint> channel = timer.channel();
      constexpr TimePoint never = TimePoint::min();
      TimePoint due = coro::now() + 5ms;  // the model
      for (int step = 0; step < 50; ++step) {
        const std::chrono::milliseconds time(random() % 4);
        switch (random() % 4) {
          case 0:
            EXPECT_EQ(timer.stop(), due > coro::now());
            due = never;
            break;
          case 1: {
            const bool pending = due > coro::now();
            EXPECT_EQ(timer.reset(time), pending);
            due = coro::now() + time;
            if (time == 0ms) coro::sleep_for(1ns);
            break;
          }
          case 2:
            coro::sleep_for(time + 1ns);
            break;
          default: {
            const auto got = channel.receive_for(time + 1ns);
            const bool fired = due != never && due <= coro::now();
            EXPECT_EQ(got.value.has_value(), fired) << "seed " << seed << ", step " << step;
            if (fired) due = never;
          }
        }
      }
    });
  }
}

// Under load by several workers nothing is left armed.
TEST_P(TimerTest, ManyAreStoppedAndResetAsTheyFire) {
  scheduler_.run([] {
    coro::Group group;
    for (unsigned i = 0; i < 20; ++i) {
      group.go([i] {
        std::mt19937 random(i);
        std::vector<Timer> timers;
        for (int n = 0; n < 10; ++n) timers.emplace_back(std::chrono::microseconds(random() % 100));
        Ticker ticker(20us);
        for (int step = 0; step < 100; ++step) {
          Timer& timer = timers[random() % timers.size()];
          const std::chrono::microseconds time(random() % 50);
          if (random() % 3 == 0) {
            timer.stop();
          } else {
            timer.reset(time);
          }
          if (random() % 4 == 0) ticker.reset(time + 1us);
          if (random() % 4 == 0) coro::sleep_for(time);
        }
      });
    }
    group.wait();
    EXPECT_EQ(armed(), 0u);
  });
}

TEST(Timers, AMillionAtOnce) {
  static constexpr std::size_t count = CORO_TSAN || CORO_ASAN ? 20'000 : 1'000'000;
  coro::Scheduler scheduler(seeded(1));
  scheduler.run([] {
    std::mt19937_64 random(1);
    std::size_t fired = 0;
    std::deque<Timer> timers;
    for (std::size_t i = 0; i < count; ++i)
      timers.emplace_back(1s + 1ns * (random() % 1'000'000'000));
    EXPECT_EQ(armed(), count);
    coro::sleep_for(1500ms);
    for (Timer& timer : timers) fired += timer.channel().size();
    EXPECT_EQ(armed(), count - fired);
    EXPECT_GT(fired, count / 3);
    EXPECT_LT(fired, count / 3 * 2);
    timers.clear();
    EXPECT_EQ(armed(), 0u);
  });
}

}  // namespace
