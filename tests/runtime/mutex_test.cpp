// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "coro/coro.h"
#include "parking.h"
#include "seeded.h"

namespace {

using coro::Task;
using std::chrono::microseconds;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

class MutexTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, MutexTest, testing::Values(0u, 1u, 2u, 8u));

// What a mutex guards, and the model: one is inside at a time.
struct Guarded {
  coro::Mutex mutex;
  std::atomic<int> inside{0};
  std::uint64_t plain = 0;  // a lost update, or a report of ThreadSanitizer, if two are

  void enter() {
    ASSERT_EQ(++inside, 1);
    ++plain;
  }
  void leave() {
    ASSERT_EQ(--inside, 0);
    mutex.unlock();
  }
};

// Locks in one of the ways that there are. False: it could not.
bool lock_somehow(Guarded& guarded, std::mt19937& random) {
  switch (random() % 4) {
    case 0:
      return guarded.mutex.try_lock();
    case 1:
      return guarded.mutex.try_lock_for(microseconds(random() % 50));
    default:
      guarded.mutex.lock();
      return true;
  }
}

Task<bool> async_lock_somehow(Guarded& guarded, std::mt19937& random) {
  if (random() % 3 == 0) {
    co_return co_await guarded.mutex.async_try_lock_for(microseconds(random() % 50));
  }
  co_await guarded.mutex.async_lock();
  co_return true;
}

void take_turns(Guarded& guarded, int turns, unsigned seed, std::uint64_t& locks) {
  std::mt19937 random(seed);
  for (int turn = 0; turn < turns; ++turn) {
    if (!lock_somehow(guarded, random)) continue;
    guarded.enter();
    ++locks;
    if (random() % 8 == 0) coro::yield();
    guarded.leave();
  }
}

Task<> async_take_turns(Guarded& guarded, int turns, unsigned seed, std::uint64_t& locks) {
  std::mt19937 random(seed);
  for (int turn = 0; turn < turns; ++turn) {
    if (!co_await async_lock_somehow(guarded, random)) continue;
    guarded.enter();
    ++locks;
    if (random() % 8 == 0) co_await coro::async_yield();
    guarded.leave();
  }
}

// In a coroutine: many at once, half of them tasks.
void crowd_at_mutex(unsigned each, int turns, unsigned seed) {
  Guarded guarded;
  coro::WaitGroup left;
  std::vector<std::uint64_t> locks(2 * std::size_t{each});
  left.add(2 * each);
  for (unsigned i = 0; i < each; ++i) {
    coro::go([&, i] {
      take_turns(guarded, turns, seed + i, locks[i]);
      left.done();
    });
    coro::go([&, i]() -> Task<> {
      co_await async_take_turns(guarded, turns, seed + each + i, locks[each + i]);
      left.done();
    });
  }
  left.wait();
  std::uint64_t sum = 0;
  for (const std::uint64_t count : locks) sum += count;
  EXPECT_EQ(guarded.plain, sum);
  EXPECT_EQ(published(guarded.mutex).length, 0u);
  EXPECT_EQ(published(guarded.mutex).waiting_receivers, 0u);
  EXPECT_EQ(published(guarded.mutex).holder, 0u);
}

TEST_P(MutexTest, OneIsInsideAtATime) {
  scheduler_.run([] { crowd_at_mutex(10, 300, 0); });
}

TEST(Mutex, OneIsInsideAtATimeInEveryOrder) {
  for (unsigned seed = 0; seed < check_seeds / 10; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] { crowd_at_mutex(2, 6, seed); });
  }
}

TEST_P(MutexTest, GoesToWhoHasWaitedLongest) {
  scheduler_.run([] {
    coro::Mutex mutex;
    std::vector<int> order;
    mutex.lock();
    for (int i = 0; i < 5; ++i) {
      go_until_parked([&, i] {
        mutex.lock();
        order.push_back(i);
        mutex.unlock();
      });
    }
    mutex.unlock();
    mutex.lock();  // behind all of them
    EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
    mutex.unlock();
  });
}

TEST_P(MutexTest, PublishesWhoHoldsItAndHowManyWait) {
  scheduler_.run([] {
    coro::Mutex mutex;
    coro::WaitGroup left;
    left.add(2);
    const coro_object& object = published(mutex);
    EXPECT_EQ(object.kind, CORO_OBJECT_MUTEX);
    EXPECT_EQ(object.length, 0u);
    mutex.lock();
    EXPECT_EQ(object.length, 1u);
    EXPECT_EQ(object.holder, coro::current_id());
    std::atomic<bool> inside{false};
    const coro_header fiber = go_until_parked([&] {
      mutex.lock();
      inside = true;
      left.done();
    });
    EXPECT_EQ(fiber.reason, CORO_REASON_MUTEX_LOCK);
    EXPECT_EQ(fiber.object, reinterpret_cast<std::uint64_t>(&mutex));
    EXPECT_EQ(object.waiting_receivers, 1u);
    std::atomic<std::uint64_t> task{0};
    coro::go([&]() -> Task<> {
      task = coro::current_id();
      co_await mutex.async_lock();
      left.done();
    });
    while (task == 0) coro::yield();
    const coro_header header = yield_until_parked(task);
    EXPECT_EQ(header.reason, CORO_REASON_MUTEX_LOCK);
    EXPECT_EQ(header.object, reinterpret_cast<std::uint64_t>(&mutex));
    EXPECT_EQ(object.waiting_receivers, 2u);
    mutex.unlock();
    EXPECT_EQ(object.holder, fiber.id);
    while (!inside) coro::yield();  // what it has locked is unlocked for it
    mutex.unlock();
    EXPECT_EQ(object.holder, task);
    EXPECT_EQ(object.length, 1u);
    EXPECT_EQ(object.waiting_receivers, 0u);
    left.wait();
    mutex.unlock();
    EXPECT_EQ(object.length, 0u);
    EXPECT_EQ(object.holder, 0u);
  });
}

std::uint64_t nanoseconds_of(std::chrono::steady_clock::time_point time) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
}

// Lets others run until the deadline of a wait is published, just after it began.
coro_header yield_until_timed(const coro_header& waiter) {
  for (;;) {
    const auto now = read_header(*find_header(waiter.id));
    if (now && now->deadline_sequence == waiter.sequence) return *now;
    coro::yield();
  }
}

TEST_P(MutexTest, TriesForALimitedTime) {
  scheduler_.run([] {
    coro::Mutex mutex;
    EXPECT_TRUE(mutex.try_lock_for(0ms));
    EXPECT_FALSE(mutex.try_lock_for(0ms));
    EXPECT_FALSE(mutex.try_lock_for(-1h));
    EXPECT_FALSE(mutex.try_lock_for(2ms));
    EXPECT_FALSE(mutex.try_lock_until(std::chrono::steady_clock::now() + 2ms));
    EXPECT_EQ(published(mutex).waiting_receivers, 0u);
    std::optional<bool> taken;
    coro::WaitGroup left;
    left.add(1);
    const coro_header waiter = go_until_parked([&] {
      taken = mutex.try_lock_for(1h);
      left.done();
    });
    EXPECT_EQ(published(mutex).waiting_receivers, 1u);
    const coro_header timed = yield_until_timed(waiter);
    EXPECT_GT(timed.deadline_ns, waiter.since_ns);
    EXPECT_LE(timed.deadline_ns, nanoseconds_of(std::chrono::steady_clock::now() + 1h));
    mutex.unlock();
    left.wait();
    EXPECT_EQ(taken, true);
    left.add(1);
    const coro_header endless = go_until_parked([&] {
      const std::lock_guard guard(mutex);
      left.done();
    });
    EXPECT_NE(endless.deadline_sequence, endless.sequence);
    mutex.unlock();
    left.wait();
  });
}

Task<> try_in_a_task(coro::Mutex& mutex) {
  EXPECT_TRUE(co_await mutex.async_try_lock_for(0ms));
  EXPECT_FALSE(co_await mutex.async_try_lock_for(0ms));
  EXPECT_FALSE(co_await mutex.async_try_lock_for(2ms));
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock();
  {
    const std::unique_lock<coro::Mutex> lock = co_await mutex.async_scoped_lock();
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_EQ(published(mutex).holder, coro::current_id());
  }
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
  EXPECT_THROW(mutex.lock(), coro::UsageError);
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST_P(MutexTest, WorksInTasks) {
  coro::Mutex mutex;
  scheduler_.run(try_in_a_task(mutex));
}

TEST_P(MutexTest, WorksWithTheLocksOfTheLibrary) {
  scheduler_.run([] {
    coro::Mutex a, b;
    {
      const std::lock_guard guard(a);
      EXPECT_FALSE(a.try_lock());
    }
    {
      const std::scoped_lock both(a, b);
      EXPECT_FALSE(a.try_lock() || b.try_lock());
    }
    std::unique_lock lock(a, std::try_to_lock);
    EXPECT_TRUE(lock.owns_lock());
    std::unique_lock second(a, 1ms);
    EXPECT_FALSE(second.owns_lock());
    lock.unlock();
    EXPECT_TRUE(second.try_lock_for(1ms));
  });
}

TEST_P(MutexTest, AnotherCoroutineOrThreadMayUnlock) {
  coro::Mutex mutex;
  scheduler_.run([&] {
    mutex.lock();
    coro::go([&] { mutex.unlock(); });
    mutex.lock();  // once the other has unlocked
  });
  std::thread([&] { mutex.unlock(); }).join();
  EXPECT_TRUE(mutex.try_lock());
  EXPECT_EQ(published(mutex).holder, 0u);
  mutex.unlock();
}

TEST(Mutex, MisuseIsToldAndChangesNothing) {
  constinit static coro::Mutex mutex;
  try {
    mutex.unlock();
    FAIL() << "no exception";
  } catch (const coro::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("not locked"), std::string::npos);
  }
  EXPECT_THROW(mutex.lock(), coro::UsageError);
  EXPECT_THROW(static_cast<void>(mutex.try_lock_for(1ms)), coro::UsageError);
  EXPECT_TRUE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock();
}

// Who is left waiting when its scheduler ends is off the list, if it is a task.
TEST(Mutex, TasksThatAreLeftLeaveTheList) {
  coro::Mutex mutex;
  ASSERT_TRUE(mutex.try_lock());
  {
    coro::Scheduler scheduler({.workers = 0});
    scheduler.run([&] {
      coro::go([&]() -> Task<> { co_await mutex.async_lock(); });
      coro::go([&]() -> Task<> { EXPECT_TRUE(co_await mutex.async_try_lock_for(1h)); });
      while (published(mutex).waiting_receivers != 2) coro::yield();
    });
  }
  EXPECT_EQ(published(mutex).waiting_receivers, 0u);
  mutex.unlock();
}

}  // namespace
