// SPDX-License-Identifier: Apache-2.0
// Fibers that wait for tasks, and tasks that wait for fibers.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include "coro/coro.h"
#include "published.h"

namespace {

using coro::Task;

class TaskJoin : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, TaskJoin, testing::Values(0u, 1u, 2u, 8u));

Task<std::unique_ptr<int>> make_later(int value) {
  co_await coro::async_yield();
  co_return std::make_unique<int>(value);
}

Task<> fail() {
  co_await coro::async_yield();
  throw std::runtime_error("from a task");
}

TEST_P(TaskJoin, FiberWaitsForTasks) {
  scheduler_.run([] {
    for (int i = 0; i < 100; ++i) ASSERT_EQ(*coro::wait(make_later(i)), i);
    EXPECT_THROW(coro::wait(fail()), std::runtime_error);
    EXPECT_THROW(coro::wait(Task<>()), coro::UsageError);
  });
  EXPECT_THROW(coro::wait(fail()), coro::UsageError);  // not in a coroutine
}

Task<int> wait_for_fibers() {
  int sum = 0;
  for (int i = 0; i < 100; ++i) {
    sum += *co_await coro::async_fiber([i] {
      coro::yield();
      return std::make_unique<int>(i);
    });
  }
  bool thrown = false;
  try {
    co_await coro::async_fiber([] { throw std::runtime_error("from a fiber"); });
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  EXPECT_THROW(coro::wait(fail()), coro::UsageError);  // in a task
  co_return sum;
}

TEST_P(TaskJoin, TaskWaitsForFibers) {
  EXPECT_EQ(scheduler_.run(wait_for_fibers()), 4950);
}

Task<bool> block(std::thread::id& blocked) {
  const bool outside = co_await coro::async_blocking([&blocked] {
    blocked = std::this_thread::get_id();
    return coro::current_id() == 0;
  });
  co_return outside;
}

TEST_P(TaskJoin, TaskRunsABlockingCall) {
  std::thread::id blocked;
  EXPECT_TRUE(scheduler_.run(block(blocked)));
  EXPECT_NE(blocked, std::thread::id());
}

// While a blocking call of one task goes on, the only worker runs others.
TEST(TaskJoinBlocking, LeavesTheWorkerToOthers) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([]() -> Task<> {
    std::atomic<bool> go_on{false};
    coro::go([&go_on]() -> Task<> {
      co_await coro::async_yield();
      go_on = true;
    });
    co_await coro::async_blocking([&go_on] {
      while (!go_on) std::this_thread::yield();
    });
  });
  scheduler.wait_empty();
}

TEST(TaskJoinPublished, SaysWhomItWaitsFor) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  coro::Channel<int> channel(0);
  std::atomic<std::uint64_t> waiting{0}, other{0};
  scheduler.go([&]() -> Task<> {
    waiting = coro::current_id();
    co_await coro::async_fiber([&] {
      other = coro::current_id();
      static_cast<void>(channel.receive());
    });
  });
  while (other == 0) std::this_thread::yield();
  wait_for_state(other, CORO_STATE_PARKED);
  const coro_header seen = wait_for_state(waiting, CORO_STATE_PARKED);
  EXPECT_EQ(seen.reason, CORO_REASON_JOIN);
  const auto& object = *reinterpret_cast<const coro_object*>(seen.object);
  EXPECT_EQ(object.magic, CORO_OBJECT_MAGIC);
  EXPECT_EQ(object.kind, CORO_OBJECT_JOIN);
  EXPECT_EQ(object.holder, other);
  EXPECT_EQ(object.waiting_receivers, 1u);
  channel.close();
  scheduler.wait_empty();
}

}  // namespace
