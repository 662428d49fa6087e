// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "coro/coro.h"
#include "parking.h"
#include "seeded.h"

namespace {

using coro::Task;
using std::chrono::microseconds;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;

class SemaphoreTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, SemaphoreTest, testing::Values(0u, 1u, 2u, 8u));

// The model: units that are out never exceed those that there are.
struct Shared {
  static constexpr std::uint64_t units = 7;
  coro::Semaphore semaphore{units};
  std::atomic<std::uint64_t> out{0};

  void took(std::uint64_t count) { ASSERT_LE(out += count, units); }
  void give(std::uint64_t count) {
    out -= count;
    semaphore.release(count);
  }
};

void use(Shared& shared, int turns, unsigned seed) {
  std::mt19937 random(seed);
  for (int turn = 0; turn < turns; ++turn) {
    const std::uint64_t count = random() % (Shared::units + 1);
    bool taken = true;
    switch (random() % 4) {
      case 0:
        taken = shared.semaphore.try_acquire(count);
        break;
      case 1:
        taken = shared.semaphore.try_acquire_for(microseconds(random() % 50), count);
        break;
      default:
        shared.semaphore.acquire(count);
    }
    if (!taken) continue;
    shared.took(count);
    if (random() % 4 == 0) coro::yield();
    shared.give(count);
  }
}

Task<> async_use(Shared& shared, int turns, unsigned seed) {
  std::mt19937 random(seed);
  for (int turn = 0; turn < turns; ++turn) {
    const std::uint64_t count = 1 + random() % Shared::units;
    if (random() % 3 == 0) {
      const auto patience = microseconds(random() % 50);
      if (!co_await shared.semaphore.async_try_acquire_for(patience, count)) continue;
    } else {
      co_await shared.semaphore.async_acquire(count);
    }
    shared.took(count);
    if (random() % 4 == 0) co_await coro::async_yield();
    shared.give(count);
  }
}

// In a coroutine: many at once, half of them tasks.
void crowd_at_semaphore(unsigned each, int turns, unsigned seed) {
  Shared shared;
  coro::WaitGroup left;
  left.add(2 * each);
  for (unsigned i = 0; i < each; ++i) {
    coro::go([&, i] {
      use(shared, turns, seed + i);
      left.done();
    });
    coro::go([&, i]() -> Task<> {
      co_await async_use(shared, turns, seed + each + i);
      left.done();
    });
  }
  left.wait();
  EXPECT_EQ(shared.out, 0u);
  EXPECT_EQ(shared.semaphore.available(), Shared::units);
  EXPECT_EQ(published(shared.semaphore).waiting_receivers, 0u);
}

TEST_P(SemaphoreTest, NeverGivesOutMoreThanThereIs) {
  scheduler_.run([] { crowd_at_semaphore(10, 200, 0); });
}

TEST(Semaphore, NeverGivesOutMoreThanThereIsInEveryOrder) {
  for (unsigned seed = 0; seed < check_seeds / 10; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] { crowd_at_semaphore(2, 6, seed); });
  }
}

TEST_P(SemaphoreTest, ServesWhoCameFirst) {
  scheduler_.run([] {
    coro::Semaphore semaphore(4);
    coro::WaitGroup left;
    std::vector<int> order;
    const coro_object& object = published(semaphore);
    EXPECT_EQ(object.kind, CORO_OBJECT_SEMAPHORE);
    EXPECT_EQ(object.capacity, 4u);
    semaphore.acquire(3);
    EXPECT_EQ(object.length, 1u);
    EXPECT_EQ(object.holder, coro::current_id());
    left.add(2);
    const coro_header large = go_until_parked([&] {
      semaphore.acquire(4);
      order.push_back(4);
      semaphore.release(4);
      left.done();
    });
    EXPECT_EQ(large.reason, CORO_REASON_SEMACQUIRE);
    EXPECT_EQ(large.object, reinterpret_cast<std::uint64_t>(&semaphore));
    EXPECT_FALSE(semaphore.try_acquire(1));  // behind the large one
    EXPECT_FALSE(semaphore.try_acquire_for(1ms, 1));
    go_until_parked([&] {
      semaphore.acquire(1);
      order.push_back(1);
      semaphore.release(1);
      left.done();
    });
    EXPECT_EQ(object.waiting_receivers, 2u);
    semaphore.release(2);
    EXPECT_EQ(object.length, 3u);
    semaphore.release(1);
    left.wait();
    EXPECT_EQ(order, (std::vector{4, 1}));
  });
}

TEST_P(SemaphoreTest, WhoGivesUpLetsThoseBehindGoOn) {
  scheduler_.run([] {
    coro::Semaphore semaphore(2);
    coro::WaitGroup left;
    left.add(2);
    semaphore.acquire(1);
    coro::go([&] {
      EXPECT_FALSE(semaphore.try_acquire_for(20ms, 2));
      left.done();
    });
    for (int i = 0; i < 10; ++i) coro::yield();  // it most likely waits by then
    coro::go([&] {
      semaphore.acquire(1);
      left.done();
    });
    left.wait();
    EXPECT_EQ(semaphore.available(), 0u);
    semaphore.release(2);
  });
}

Task<> acquire_in_a_task(coro::Semaphore& semaphore) {
  EXPECT_THROW(semaphore.acquire(), coro::UsageError);
  EXPECT_THROW(co_await semaphore.async_acquire(4), coro::UsageError);
  co_await semaphore.async_acquire(3);
  EXPECT_FALSE(co_await semaphore.async_try_acquire_for(1ms));
  EXPECT_FALSE(co_await semaphore.async_try_acquire_for(0ms));
  semaphore.release(3);
  EXPECT_TRUE(co_await semaphore.async_try_acquire_for(1h));
  semaphore.release();
}

TEST_P(SemaphoreTest, WorksInTasks) {
  coro::Semaphore semaphore(3);
  scheduler_.run(acquire_in_a_task(semaphore));
  EXPECT_EQ(semaphore.available(), 3u);
}

TEST(Semaphore, MisuseIsToldAndChangesNothing) {
  EXPECT_THROW(coro::Semaphore(0), coro::UsageError);
  coro::Semaphore semaphore(3);
  EXPECT_THROW(semaphore.release(), coro::UsageError);
  EXPECT_THROW(semaphore.acquire(), coro::UsageError);  // outside of a coroutine
  ASSERT_TRUE(semaphore.try_acquire(2));
  EXPECT_THROW(semaphore.release(3), coro::UsageError);
  EXPECT_FALSE(semaphore.try_acquire(4));
  try {
    semaphore.acquire(4);
    FAIL() << "no exception";
  } catch (const coro::UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("has 3 in all"), std::string::npos);
  }
  EXPECT_EQ(semaphore.available(), 1u);
}

}  // namespace
