// SPDX-License-Identifier: Apache-2.0
// Every operation of a primitive lets others run first, in a deterministic
// scheduler, also when it has nothing to wait for.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "coro/coro.h"
#include "seeded.h"

namespace {

using namespace std::chrono_literals;

// Whether another coroutine ever ran in `operation`, before which `prepare` is done.
template <class Prepare, class Operation>
bool interrupted(Prepare prepare, Operation operation) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    bool seen = false;
    bool inside = false;
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] {
      prepare();
      coro::go([&] { seen = seen || inside; });
      inside = true;
      operation();
      inside = false;
    });
    scheduler.wait_empty();
    if (seen) return true;
  }
  return false;
}

template <class Operation>
bool interrupted(Operation operation) {
  return interrupted([] {}, operation);
}

TEST(SchedulingPoint, OfCoroutines) {
  EXPECT_FALSE(interrupted([] {}));
  EXPECT_TRUE(interrupted([] { coro::yield(); }));
  EXPECT_TRUE(interrupted([] { coro::go([] {}); }));
  EXPECT_TRUE(interrupted([] { coro::go([]() -> coro::Task<> { co_return; }); }));
}

TEST(SchedulingPoint, OfChannels) {
  coro::Channel<int> channel;
  int value = 1;
  const auto fresh = [&] {
    channel = coro::Channel<int>(2);
    channel.send(0);
  };
  EXPECT_TRUE(interrupted(fresh, [&] { channel.send(1); }));
  EXPECT_TRUE(interrupted(fresh, [&] { EXPECT_EQ(channel.receive(), 0); }));
  EXPECT_TRUE(interrupted(fresh, [&] { EXPECT_TRUE(channel.try_send(value)); }));
  EXPECT_TRUE(interrupted(fresh, [&] { EXPECT_TRUE(channel.try_receive()); }));
  EXPECT_TRUE(interrupted(fresh, [&] { EXPECT_EQ(channel.size(), 1u); }));
  EXPECT_TRUE(interrupted(fresh, [&] { channel.close(); }));
}

TEST(SchedulingPoint, OfWaitGroups) {
  coro::WaitGroup group;
  EXPECT_TRUE(interrupted([&] { group.wait(); }));
  EXPECT_TRUE(interrupted([&] { group.add(1); }));
  EXPECT_TRUE(interrupted([&] { EXPECT_NE(group.count(), 0u); }));
}

TEST(SchedulingPoint, OfMutexes) {
  coro::Mutex mutex;
  const auto locked = [&] { static_cast<void>(mutex.try_lock()); };
  const auto unlocked = [&] {
    locked();
    mutex.unlock();
  };
  EXPECT_TRUE(interrupted(unlocked, [&] { mutex.lock(); }));
  EXPECT_TRUE(interrupted(unlocked, [&] { EXPECT_TRUE(mutex.try_lock()); }));
  EXPECT_TRUE(interrupted(unlocked, [&] { EXPECT_TRUE(mutex.try_lock_for(0ms)); }));
  EXPECT_TRUE(interrupted(unlocked, [&] { EXPECT_TRUE(mutex.try_lock_for(1h)); }));
  EXPECT_TRUE(interrupted(locked, [&] { EXPECT_FALSE(mutex.try_lock()); }));
  EXPECT_TRUE(interrupted(locked, [&] { mutex.unlock(); }));
}

TEST(SchedulingPoint, OfRwMutexes) {
  coro::RwMutex mutex;
  const auto written = [&] { static_cast<void>(mutex.try_lock()); };
  const auto read = [&] { static_cast<void>(mutex.try_lock_shared()); };
  const auto unlocked = [&] {
    if (mutex.try_lock()) return mutex.unlock();
    try {
      mutex.unlock();
    } catch (const coro::UsageError&) {
      mutex.unlock_shared();
    }
  };
  EXPECT_TRUE(interrupted(unlocked, [&] { mutex.lock_shared(); }));
  unlocked();
  EXPECT_TRUE(interrupted(unlocked, [&] { mutex.lock(); }));
  EXPECT_TRUE(interrupted(unlocked, [&] { EXPECT_TRUE(mutex.try_lock_shared()); }));
  unlocked();
  EXPECT_TRUE(interrupted(unlocked, [&] { EXPECT_TRUE(mutex.try_lock()); }));
  EXPECT_TRUE(interrupted(written, [&] { mutex.unlock(); }));
  EXPECT_TRUE(interrupted(read, [&] { mutex.unlock_shared(); }));
}

TEST(SchedulingPoint, OfConditions) {
  coro::Condition condition;
  EXPECT_TRUE(interrupted([&] { condition.notify_one(); }));
  EXPECT_TRUE(interrupted([&] { condition.notify_all(); }));
}

TEST(SchedulingPoint, OfSemaphores) {
  coro::Semaphore semaphore(1);
  const auto taken = [&] { static_cast<void>(semaphore.try_acquire()); };
  const auto free = [&] {
    taken();
    semaphore.release();
  };
  EXPECT_TRUE(interrupted(free, [&] { semaphore.acquire(); }));
  EXPECT_TRUE(interrupted(free, [&] { EXPECT_TRUE(semaphore.try_acquire()); }));
  EXPECT_TRUE(interrupted(taken, [&] { EXPECT_FALSE(semaphore.try_acquire()); }));
  EXPECT_TRUE(interrupted(taken, [&] { semaphore.release(); }));
  EXPECT_TRUE(interrupted(free, [&] { EXPECT_EQ(semaphore.available(), 1u); }));
}

// At its end, too: others see that it was done.
TEST(SchedulingPoint, OfOnce) {
  EXPECT_TRUE(interrupted([] { coro::Once().call([] {}); }));
  bool seen = false;
  for (std::uint64_t seed = 0; !seen && seed < 100; ++seed) {
    coro::Once fresh;
    bool ran = false;
    coro::Scheduler scheduler(seeded(seed));
    scheduler.run([&] {
      fresh.call([&] {
        coro::go([&] { seen = seen || (ran && !fresh.done()); });
        ran = true;
      });
    });
    scheduler.wait_empty();
  }
  EXPECT_TRUE(seen);
}

TEST(SchedulingPoint, OfSelects) {
  coro::Channel<int> channel(1);
  EXPECT_TRUE(interrupted([&] {
    coro::select(coro::on_receive(channel, [](std::optional<int>) { FAIL(); }),
                 coro::otherwise([] {}));
  }));
  EXPECT_TRUE(interrupted([&] { coro::select(coro::on_timeout(0ms, [] {})); }));
}

TEST(SchedulingPoint, OfTimers) {
  std::optional<coro::Timer> timer;
  EXPECT_TRUE(interrupted([&] { timer.emplace(1h); }, [&] { EXPECT_TRUE(timer->stop()); }));
}

TEST(SchedulingPoint, OfJoins) {
  coro::Join<void> join;
  const auto ended = [&] {
    join = coro::start([] {});
    while (!join.ended()) coro::yield();
  };
  EXPECT_TRUE(interrupted(ended, [&] { EXPECT_TRUE(join.ended()); }));
  EXPECT_TRUE(interrupted(ended, [&] { join.wait(); }));
}

TEST(SchedulingPoint, OfContexts) {
  const auto [context, cancel] = coro::with_cancel(coro::Context());
  EXPECT_TRUE(interrupted([&context = context] { EXPECT_FALSE(context.done()); }));
  EXPECT_TRUE(interrupted([&context = context] { context.check(); }));
  EXPECT_TRUE(interrupted([&cancel = cancel] { cancel(); }));
  EXPECT_TRUE(interrupted([&context = context] { context.wait(); }));
}

}  // namespace
