// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <shared_mutex>
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

class RwMutexTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, RwMutexTest, testing::Values(0u, 1u, 2u, 8u));

// The model: writers alone, readers among themselves.
struct Guarded {
  coro::RwMutex mutex;
  std::atomic<int> readers{0};
  std::atomic<int> writers{0};
  std::uint64_t plain = 0;

  void read() {
    ++readers;
    ASSERT_EQ(writers, 0);
    seen += plain;
  }
  void end_read() {
    --readers;
    mutex.unlock_shared();
  }
  void write() {
    ASSERT_EQ(++writers, 1);
    ASSERT_EQ(readers, 0);
    ++plain;
  }
  void end_write() {
    --writers;
    mutex.unlock();
  }
  std::atomic<std::uint64_t> seen{0};
};

void use(Guarded& guarded, int turns, unsigned seed) {
  std::mt19937 random(seed);
  for (int turn = 0; turn < turns; ++turn) {
    const bool reads = random() % 4 != 0;
    const auto patience = microseconds(random() % 50);
    bool taken = true;
    switch (random() % 4) {
      case 0:
        taken = reads ? guarded.mutex.try_lock_shared() : guarded.mutex.try_lock();
        break;
      case 1:
        taken = reads ? guarded.mutex.try_lock_shared_for(patience)
                      : guarded.mutex.try_lock_for(patience);
        break;
      default:
        reads ? guarded.mutex.lock_shared() : guarded.mutex.lock();
    }
    if (!taken) continue;
    reads ? guarded.read() : guarded.write();
    if (random() % 4 == 0) coro::yield();
    reads ? guarded.end_read() : guarded.end_write();
  }
}

Task<> async_use(Guarded& guarded, int turns, unsigned seed) {
  std::mt19937 random(seed);
  for (int turn = 0; turn < turns; ++turn) {
    const auto patience = microseconds(random() % 50);
    const bool limited = random() % 3 == 0;
    if (random() % 4 != 0) {
      if (limited) {
        if (!co_await guarded.mutex.async_try_lock_shared_for(patience)) continue;
      } else {
        co_await guarded.mutex.async_lock_shared();
      }
      guarded.read();
      if (random() % 4 == 0) co_await coro::async_yield();
      guarded.end_read();
    } else {
      if (limited) {
        if (!co_await guarded.mutex.async_try_lock_for(patience)) continue;
      } else {
        co_await guarded.mutex.async_lock();
      }
      guarded.write();
      if (random() % 4 == 0) co_await coro::async_yield();
      guarded.end_write();
    }
  }
}

// In a coroutine: many at once, half of them tasks.
void crowd(unsigned each, int turns, unsigned seed) {
  Guarded guarded;
  coro::WaitGroup left;
  left.add(2 * each);
  for (unsigned i = 0; i < each; ++i) {
    coro::go([&, i] {
      use(guarded, turns, seed + i);
      left.done();
    });
    coro::go([&, i]() -> Task<> {
      co_await async_use(guarded, turns, seed + each + i);
      left.done();
    });
  }
  left.wait();
  const coro_object& object = published(guarded.mutex);
  EXPECT_EQ(object.length, 0u);
  EXPECT_EQ(object.holder, 0u);
  EXPECT_EQ(object.waiting_senders, 0u);
  EXPECT_EQ(object.waiting_receivers, 0u);
  EXPECT_TRUE(guarded.mutex.try_lock());
  guarded.mutex.unlock();
}

TEST_P(RwMutexTest, ManyReadersOrOneWriter) {
  scheduler_.run([] { crowd(10, 200, 0); });
}

TEST(RwMutex, ManyReadersOrOneWriterInEveryOrder) {
  for (unsigned seed = 0; seed < check_seeds / 10; ++seed) {
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] { crowd(2, 6, seed); });
  }
}

TEST_P(RwMutexTest, NamesTheReaderThatIsLeft) {
  scheduler_.run([] {
    coro::RwMutex mutex;
    coro::WaitGroup left;
    coro::Channel<int> leave(0);
    const coro_object& object = published(mutex);
    mutex.lock();
    left.add(1);
    const coro_header other = go_until_parked([&] {
      {
        const std::shared_lock guard(mutex);
        EXPECT_TRUE(leave.receive().has_value());
      }
      left.done();
    });
    mutex.unlock();
    EXPECT_EQ(object.readers, other.id) << "it was let in";
    mutex.lock_shared();
    EXPECT_EQ(object.readers, other.id ^ coro::current_id());
    leave.send(0);
    left.wait();
    EXPECT_EQ(object.readers, coro::current_id());
    // By somebody else: whose lock it was, nobody knows.
    std::thread([&] { mutex.unlock_shared(); }).join();
    EXPECT_EQ(object.readers, 0u);
  });
}

TEST_P(RwMutexTest, AWaitingWriterKeepsNewReadersOut) {
  scheduler_.run([] {
    coro::RwMutex mutex;
    coro::WaitGroup left;
    std::vector<char> order;
    const coro_object& object = published(mutex);
    mutex.lock_shared();
    mutex.lock_shared();
    EXPECT_EQ(object.length, 2u);
    EXPECT_EQ(object.readers, 0u);  // twice the same
    left.add(2);
    const coro_header writer = go_until_parked([&] {
      {
        const std::lock_guard guard(mutex);
        order.push_back('w');
      }
      left.done();
    });
    EXPECT_EQ(writer.reason, CORO_REASON_RWMUTEX_LOCK);
    EXPECT_EQ(writer.object, reinterpret_cast<std::uint64_t>(&mutex));
    EXPECT_FALSE(mutex.try_lock_shared());
    EXPECT_FALSE(mutex.try_lock_shared_for(1ms));
    const coro_header reader = go_until_parked([&] {
      {
        const std::shared_lock guard(mutex);
        order.push_back('r');
      }
      left.done();
    });
    EXPECT_EQ(reader.reason, CORO_REASON_RWMUTEX_RLOCK);
    EXPECT_EQ(object.waiting_senders, 1u);
    EXPECT_EQ(object.waiting_receivers, 1u);
    mutex.unlock_shared();
    EXPECT_EQ(object.holder, 0u);
    EXPECT_EQ(object.length, 1u);
    EXPECT_EQ(object.readers, coro::current_id());
    mutex.unlock_shared();
    left.wait();
    EXPECT_EQ(order, (std::vector{'w', 'r'}));
  });
}

TEST_P(RwMutexTest, ReadersThatWaitComeBeforeTheNextWriter) {
  scheduler_.run([] {
    coro::RwMutex mutex;
    coro::WaitGroup left;
    std::atomic<int> reading{0};
    left.add(4);
    mutex.lock();
    EXPECT_EQ(published(mutex).holder, coro::current_id());
    go_until_parked([&] {
      {
        const std::lock_guard guard(mutex);
        EXPECT_EQ(reading, 3);  // all have been in
      }
      left.done();
    });
    for (int i = 0; i < 3; ++i) {
      go_until_parked([&] {
        {
          const std::shared_lock guard(mutex);
          ++reading;
        }
        left.done();
      });
    }
    mutex.unlock();
    left.wait();
  });
}

TEST_P(RwMutexTest, AWriterThatGivesUpLetsReadersIn) {
  scheduler_.run([] {
    coro::RwMutex mutex;
    coro::WaitGroup left;
    left.add(2);
    mutex.lock_shared();
    coro::go([&] {
      EXPECT_FALSE(mutex.try_lock_for(20ms));
      left.done();
    });
    for (int i = 0; i < 10; ++i) coro::yield();  // it most likely waits by then
    coro::go([&] {
      mutex.lock_shared();  // while the first reader stays
      left.done();
    });
    left.wait();
    EXPECT_EQ(published(mutex).length, 2u);
    EXPECT_FALSE(mutex.try_lock());
    mutex.unlock_shared();
    mutex.unlock_shared();
    EXPECT_TRUE(mutex.try_lock_for(0ms));
    EXPECT_FALSE(mutex.try_lock_for(1ms));
    EXPECT_FALSE(mutex.try_lock_shared_for(1ms));
    mutex.unlock();
  });
}

// A writer is out of time, but has not run since: who waits behind it need not.
TEST(RwMutex, LetsReadersInBehindAWriterThatIsGivingUp) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    coro::Scheduler scheduler(seeded(seed, 0));
    scheduler.run([] {
      coro::RwMutex mutex;
      coro::WaitGroup left;
      left.add(2);
      mutex.lock_shared();
      go_until_parked([&] {
        EXPECT_FALSE(mutex.try_lock_for(1ms));
        left.done();
      });
      go_until_parked([&] {
        mutex.lock_shared();
        left.done();
      });
      coro::sleep_for(1ms);  // ends with the writer's patience, before or after it
      mutex.unlock_shared();
      EXPECT_EQ(published(mutex).length, 1u);
      EXPECT_EQ(published(mutex).waiting_receivers, 0u);
      left.wait();
    });
    scheduler.wait_empty();
  }
}

TEST(RwMutex, MisuseIsToldAndChangesNothing) {
  coro::RwMutex mutex;
  EXPECT_THROW(mutex.unlock(), coro::UsageError);
  EXPECT_THROW(mutex.unlock_shared(), coro::UsageError);
  EXPECT_THROW(mutex.lock(), coro::UsageError);
  EXPECT_THROW(mutex.lock_shared(), coro::UsageError);
  ASSERT_TRUE(mutex.try_lock_shared());
  EXPECT_THROW(mutex.unlock(), coro::UsageError);
  mutex.unlock_shared();
  ASSERT_TRUE(mutex.try_lock());
  EXPECT_THROW(mutex.unlock_shared(), coro::UsageError);
  mutex.unlock();
}

TEST(RwMutex, TasksThatAreLeftLeaveTheLists) {
  coro::RwMutex mutex;
  ASSERT_TRUE(mutex.try_lock());
  {
    coro::Scheduler scheduler({.workers = 0});
    scheduler.run([&] {
      coro::go([&]() -> Task<> { EXPECT_TRUE(co_await mutex.async_try_lock_for(1h)); });
      coro::go([&]() -> Task<> { co_await mutex.async_lock_shared(); });
      while (published(mutex).waiting_senders + published(mutex).waiting_receivers != 2) {
        coro::yield();
      }
    });
  }
  EXPECT_EQ(published(mutex).waiting_senders, 0u);
  EXPECT_EQ(published(mutex).waiting_receivers, 0u);
  mutex.unlock();
}

}  // namespace
