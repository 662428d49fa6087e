// SPDX-License-Identifier: Apache-2.0
// Tasks: chains, results, exceptions, starting them, waiting in them.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "coro/coro.h"
#include "sanitizer.h"

namespace {

using coro::Task;
using std::chrono_literals::operator""ms;

class TaskTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, TaskTest, testing::Values(0u, 1u, 2u, 8u));

Task<int> add(int a, int b) {
  co_await coro::async_yield();
  co_return a + b;
}

Task<int> add_all(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum = co_await add(sum, 1);
  co_return sum;
}

TEST_P(TaskTest, RunReturnsTheResult) {
  EXPECT_EQ(scheduler_.run(add_all(100)), 100);
  EXPECT_EQ(scheduler_.run([] { return add_all(7); }), 7);
}

Task<std::unique_ptr<int>> make(int value) {
  co_return std::make_unique<int>(value);
}

Task<int&> refer(int& value) {
  co_return value;
}

Task<> results() {
  EXPECT_EQ(*co_await make(5), 5);
  int place = 1;
  co_await refer(place) = 9;
  EXPECT_EQ(place, 9);
}

TEST_P(TaskTest, ResultsMayBeMoveOnlyOrReferences) {
  scheduler_.run(results());
  EXPECT_EQ(*scheduler_.run(make(3)), 3);
  int place = 0;
  scheduler_.run(refer(place)) = 4;
  EXPECT_EQ(place, 4);
}

Task<int> fail(int depth) {
  if (depth == 0) throw std::runtime_error("from the innermost");
  co_return 1 + co_await fail(depth - 1);
}

Task<std::string> caught() {
  try {
    static_cast<void>(co_await fail(10));
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}

TEST_P(TaskTest, ExceptionsTravelToTheAwaiter) {
  EXPECT_EQ(scheduler_.run(caught()), "from the innermost");
  EXPECT_THROW(scheduler_.run(fail(3)), std::runtime_error);
}

Task<long> descend(long depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await descend(depth - 1);
}

Task<long> many_ready(long count) {
  long sum = 0;
  for (long i = 0; i < count; ++i) sum += co_await descend(1);
  co_return sum;
}

// Frames transfer to each other without using the thread's stack.
TEST_P(TaskTest, DeepChainsAndLongLoopsUseNoStack) {
  const long count = CORO_ASAN || CORO_TSAN ? 20'000 : 100'000;
  EXPECT_EQ(scheduler_.run(descend(count)), count);
  EXPECT_EQ(scheduler_.run(many_ready(count)), count);
}

struct Counted {
  explicit Counted(std::atomic<int>& count) : count_(&count) { ++*count_; }
  Counted(Counted&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Counted& operator=(Counted&&) = delete;
  ~Counted() {
    if (count_ != nullptr) --*count_;
  }
  std::atomic<int>* count_;
};

Task<> hold(Counted counted) {
  co_await coro::async_yield();
  EXPECT_EQ(*counted.count_, 1);
}

TEST(Task, OneThatIsNotAwaitedIsFreed) {
  std::atomic<int> alive{0};
  {
    Task<> task = hold(Counted(alive));
    EXPECT_EQ(alive, 1);
    Task<> other = std::move(task);
    EXPECT_FALSE(task);
    EXPECT_TRUE(other);
    other = hold(Counted(alive));
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST_P(TaskTest, ParametersEndWithTheTask) {
  std::atomic<int> alive{0};
  scheduler_.go(hold(Counted(alive)));
  scheduler_.wait_empty();
  EXPECT_EQ(alive, 0);
  scheduler_.run(hold(Counted(alive)));
  EXPECT_EQ(alive, 0);
}

TEST_P(TaskTest, GoKeepsTheCapturesOfALambda) {
  std::atomic<int> alive{0}, sum{0};
  scheduler_.run([&] {
    coro::WaitGroup done;
    for (int i = 0; i < 100; ++i) {
      done.add(1);
      coro::go([&sum, &done, i, counted = Counted(alive),
                text = std::string("too long to be kept inside of the string itself")]() -> Task<> {
        co_await coro::async_yield();
        sum += i + static_cast<int>(text.size());
        done.done();
      });
    }
    done.wait();
  });
  scheduler_.wait_empty();
  EXPECT_EQ(sum, 4950 + 100 * 47);
  EXPECT_EQ(alive, 0);
}

Task<> spawn_more(coro::WaitGroup& group, int depth) {
  if (depth > 0) {
    group.add(2);
    coro::go(spawn_more(group, depth - 1));
    coro::go([&group] { group.done(); });  // a fiber
    co_await coro::async_yield();
  }
  group.done();
}

Task<> wait_for_group() {
  coro::WaitGroup group;
  group.add(1);
  coro::go(spawn_more(group, 50));
  co_await group.async_wait();
  EXPECT_EQ(group.count(), 0u);
  co_await group.async_wait();  // need not wait
}

TEST_P(TaskTest, TasksStartTasksAndFibers) {
  scheduler_.run(wait_for_group());
}

Task<int> sleep_twice() {
  co_await coro::async_sleep_for(1ms);
  co_await coro::async_sleep_for(-1ms);
  co_return 2;
}

TEST_P(TaskTest, Sleep) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(scheduler_.run(sleep_twice()), 2);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1ms);
}

Task<> yield_until(std::atomic<bool>& stop) {
  while (!stop) co_await coro::async_yield();
}

// With nobody else to run a yield goes on at once, but not past the timers for ever.
TEST_P(TaskTest, YieldLetsTimersExpire) {
  std::atomic<bool> stop{false};
  scheduler_.go([&stop]() -> Task<> {
    co_await coro::async_sleep_for(1ms);
    stop = true;
  });
  scheduler_.run(yield_until(stop));
}

Task<> await_in_a_condition(int& value) {
  if (co_await add(1, 2) == 3) value = 1;
}

// Old compilers lay out its frame wrongly: that must not go unnoticed.
TEST_P(TaskTest, AwaitInAConditionWorksOrSaysWhyNot) {
  int value = 0;
  try {
    scheduler_.run(await_in_a_condition(value));
    EXPECT_EQ(value, 1);
  } catch (const coro::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("106188"), std::string::npos);
  }
}

// What a task may co_await.
template <class Awaited>
concept Awaitable = requires(Task<>::promise_type promise, Awaited&& awaited) {
  promise.await_transform(static_cast<Awaited&&>(awaited));
};
static_assert(Awaitable<Task<int>>);
static_assert(!Awaitable<Task<int>&>);  // it runs once: std::move
static_assert(!Awaitable<std::suspend_always>);
static_assert(Awaitable<coro::Channel<int>::AsyncReceive>);
static_assert(!std::is_copy_constructible_v<Task<>>);

Task<> misuse() {
  EXPECT_THROW(coro::yield(), coro::UsageError);
  EXPECT_THROW(coro::sleep_for(1ms), coro::UsageError);
  Task<int> task = add(1, 2);
  EXPECT_EQ(co_await std::move(task), 3);
  try {
    static_cast<void>(co_await std::move(task));
    ADD_FAILURE() << "no exception";
  } catch (const coro::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("empty coro::Task"), std::string::npos);
  }
  EXPECT_THROW(coro::go(Task<>()), coro::UsageError);
}

TEST_P(TaskTest, MisuseThrows) {
  scheduler_.run(misuse());
  EXPECT_THROW(scheduler_.run(Task<>()), coro::UsageError);
  EXPECT_THROW(coro::go(results()), coro::UsageError);  // not in a coroutine
}

}  // namespace
