// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <stdexcept>
#include <vector>

#include "coro/coro.h"
#include "parking.h"
#include "seeded.h"

namespace {

using coro::Task;
using Lock = std::unique_lock<coro::Mutex>;
using std::chrono::microseconds;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

class ConditionTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, ConditionTest, testing::Values(0u, 1u, 2u, 8u));

// The model: a bounded queue. A lost wake-up leaves somebody waiting for ever.
struct GuardedQueue {
  static constexpr std::size_t capacity = 3;
  coro::Mutex mutex;
  coro::Condition not_empty, not_full;
  std::deque<std::uint64_t> values;
  std::uint64_t taken = 0;
  std::uint64_t sum = 0;

  [[nodiscard]] bool has_room() const { return values.size() < capacity; }
  [[nodiscard]] bool has_values() const { return !values.empty(); }
  void put(std::uint64_t value) {
    values.push_back(value);
    ASSERT_LE(values.size(), capacity);
    not_empty.notify_one();
  }
  void take() {
    ASSERT_FALSE(values.empty());
    ++taken;
    sum += values.front();
    values.pop_front();
    not_full.notify_one();
  }
};

void produce(GuardedQueue& queue, std::uint64_t values) {
  for (std::uint64_t i = 1; i <= values; ++i) {
    Lock lock(queue.mutex);
    queue.not_full.wait(lock, [&] { return queue.has_room(); });
    queue.put(i);
  }
}

Task<> async_produce(GuardedQueue& queue, std::uint64_t values) {
  for (std::uint64_t i = 1; i <= values; ++i) {
    Lock lock = co_await queue.mutex.async_scoped_lock();
    co_await queue.not_full.async_wait(lock, [&] { return queue.has_room(); });
    queue.put(i);
  }
}

void consume(GuardedQueue& queue, std::uint64_t values, unsigned seed) {
  std::mt19937 random(seed);
  for (std::uint64_t i = 0; i < values;) {
    Lock lock(queue.mutex);
    const auto has_values = [&] { return queue.has_values(); };
    if (random() % 3 != 0) {
      queue.not_empty.wait(lock, has_values);
    } else if (!queue.not_empty.wait_for(lock, microseconds(random() % 50), has_values)) {
      continue;
    }
    queue.take();
    ++i;
  }
}

Task<> async_consume(GuardedQueue& queue, std::uint64_t values, unsigned seed) {
  std::mt19937 random(seed);
  for (std::uint64_t i = 0; i < values;) {
    Lock lock = co_await queue.mutex.async_scoped_lock();
    const auto has_values = [&] { return queue.has_values(); };
    const microseconds patience(random() % 50);
    if (random() % 3 != 0) {
      co_await queue.not_empty.async_wait(lock, has_values);
    } else if (!co_await queue.not_empty.async_wait_for(lock, patience, has_values)) {
      continue;
    }
    queue.take();
    ++i;
  }
}

// In a coroutine: producers and consumers, `each` of them fibers and as many tasks.
void crowd_at_condition(unsigned each, std::uint64_t values, unsigned seed) {
  GuardedQueue queue;
  coro::WaitGroup left;
  left.add(4 * each);
  for (unsigned i = 0; i < each; ++i) {
    coro::go([&] {
      produce(queue, values);
      left.done();
    });
    coro::go([&, i] {
      consume(queue, values, seed + i);
      left.done();
    });
    coro::go([&]() -> Task<> {
      co_await async_produce(queue, values);
      left.done();
    });
    coro::go([&, i]() -> Task<> {
      co_await async_consume(queue, values, seed + i);
      left.done();
    });
  }
  left.wait();
  EXPECT_EQ(queue.taken, 2 * each * values);
  EXPECT_EQ(queue.sum, 2 * each * values * (values + 1) / 2);
  EXPECT_EQ(published(queue.not_empty).waiting_receivers, 0u);
  EXPECT_EQ(published(queue.not_full).waiting_receivers, 0u);
}

TEST_P(ConditionTest, LosesNoWakeUp) {
  scheduler_.run([] { crowd_at_condition(4, 200, 0); });
}

TEST(Condition, LosesNoWakeUpInAnyOrder) {
  for (unsigned seed = 0; seed < check_seeds / 10; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] { crowd_at_condition(1, 6, seed); });
  }
}

TEST_P(ConditionTest, NotifiesTheOldestOrAll) {
  scheduler_.run([] {
    coro::Mutex mutex;
    coro::Condition condition;
    coro::WaitGroup left;
    std::vector<int> order;
    condition.notify_one();  // nobody waits: it is not kept
    const coro_object& object = published(condition);
    EXPECT_EQ(object.kind, CORO_OBJECT_CONDITION);
    left.add(4);
    for (int i = 0; i < 4; ++i) {
      const coro_header waiting = go_until_parked([&, i] {
        Lock lock(mutex);
        condition.wait(lock);
        EXPECT_TRUE(lock.owns_lock());
        EXPECT_EQ(published(mutex).holder, coro::current_id());
        order.push_back(i);
        left.done();
      });
      EXPECT_EQ(waiting.reason, CORO_REASON_COND_WAIT);
      EXPECT_EQ(waiting.object, reinterpret_cast<std::uint64_t>(&condition));
    }
    EXPECT_EQ(object.waiting_receivers, 4u);
    condition.notify_one();
    while (left.count() != 3) coro::yield();
    EXPECT_EQ(object.waiting_receivers, 3u);
    condition.notify_all();
    left.wait();
    const Lock lock(mutex);
    ASSERT_EQ(order.size(), 4u);
    EXPECT_EQ(order.front(), 0);
  });
}

TEST_P(ConditionTest, GivesUpAfterATime) {
  scheduler_.run([] {
    coro::Mutex mutex;
    coro::Condition condition;
    Lock lock(mutex);
    EXPECT_EQ(condition.wait_for(lock, 2ms), std::cv_status::timeout);
    EXPECT_EQ(condition.wait_for(lock, -1ms), std::cv_status::timeout);
    EXPECT_FALSE(condition.wait_for(lock, 2ms, [] { return false; }));
    EXPECT_TRUE(condition.wait_for(lock, 2ms, [] { return true; }));
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_FALSE(mutex.try_lock());
    coro::go([&] {
      const Lock other(mutex);
      condition.notify_one();
    });
    EXPECT_EQ(condition.wait_for(lock, 1h), std::cv_status::no_timeout);
    EXPECT_EQ(published(mutex).holder, coro::current_id());
    EXPECT_EQ(published(condition).waiting_receivers, 0u);
  });
}

TEST_P(ConditionTest, HoldsTheMutexAfterAnException) {
  scheduler_.run([] {
    coro::Mutex mutex;
    coro::Condition condition;
    Lock lock(mutex);
    int calls = 0;
    coro::go([&] {
      const Lock other(mutex);
      condition.notify_all();
    });
    EXPECT_THROW(condition.wait(lock,
                                [&]() -> bool {
                                  if (++calls == 2) throw std::runtime_error("ready?");
                                  return false;
                                }),
                 std::runtime_error);
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(published(mutex).holder, coro::current_id());
  });
}

Task<> wait_in_a_task(coro::Mutex& mutex, coro::Condition& condition) {
  Lock lock = co_await mutex.async_scoped_lock();
  EXPECT_THROW(condition.wait(lock), coro::UsageError);
  EXPECT_TRUE(lock.owns_lock());
  EXPECT_EQ(co_await condition.async_wait_for(lock, 1ms), std::cv_status::timeout);
  EXPECT_TRUE(lock.owns_lock());
  coro::go([&]() -> Task<> {
    const Lock other = co_await mutex.async_scoped_lock();
    condition.notify_one();
  });
  EXPECT_EQ(co_await condition.async_wait_for(lock, 1h), std::cv_status::no_timeout);
  EXPECT_EQ(published(mutex).holder, coro::current_id());
  lock.unlock();
  EXPECT_THROW(co_await condition.async_wait(lock), coro::UsageError);
}

TEST_P(ConditionTest, WorksInTasks) {
  coro::Mutex mutex;
  coro::Condition condition;
  scheduler_.run(wait_in_a_task(mutex, condition));
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST_P(ConditionTest, MisuseIsToldAndChangesNothing) {
  coro::Mutex mutex;
  coro::Condition condition;
  {
    ASSERT_TRUE(mutex.try_lock());
    Lock outside(mutex, std::adopt_lock);
    EXPECT_THROW(condition.wait(outside), coro::UsageError);
    EXPECT_THROW(condition.wait_for(outside, 1ms, [] { return false; }), coro::UsageError);
  }
  scheduler_.run([&] {
    Lock lock(mutex, std::defer_lock);
    EXPECT_THROW(condition.wait(lock), coro::UsageError);
    Lock wrong(mutex, std::adopt_lock);  // it is not locked
    EXPECT_THROW(condition.wait(wrong), coro::UsageError);
    wrong.release();
    EXPECT_EQ(published(condition).waiting_receivers, 0u);
  });
}

// Its unlock, in its destructor, must not take the mutex from whoever has it then.
TEST(Condition, TasksThatAreLeftLeaveTheList) {
  coro::Mutex mutex;
  coro::Condition condition;
  {
    coro::Scheduler scheduler({.workers = 0});
    scheduler.run([&] {
      for (const bool limited : {false, true}) {
        coro::go([&, limited]() -> Task<> {
          Lock lock = co_await mutex.async_scoped_lock();
          if (limited) co_await condition.async_wait_for(lock, 1h);
          co_await condition.async_wait(lock);
        });
      }
      while (published(condition).waiting_receivers != 2) coro::yield();
      mutex.lock();
    });
  }
  EXPECT_EQ(published(condition).waiting_receivers, 0u);
  EXPECT_EQ(published(mutex).length, 1u);
  mutex.unlock();
}

}  // namespace
