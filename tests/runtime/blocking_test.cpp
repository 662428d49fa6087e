// SPDX-License-Identifier: Apache-2.0
#include "coro/blocking.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "coro/coro.h"
#include "descriptor.h"
#include "published.h"

namespace {

// Something that blocks a thread until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void await(int waiting) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= waiting; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

class BlockingTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};

INSTANTIATE_TEST_SUITE_P(Workers, BlockingTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(BlockingTest, GivesResultsAndExceptions) {
  scheduler_.run([] {
    EXPECT_EQ(coro::blocking([] { return std::string("done"); }), "done");
    EXPECT_EQ(*coro::blocking([] { return std::make_unique<int>(7); }), 7);
    int calls = 0;
    coro::blocking([&calls] { ++calls; });
    EXPECT_EQ(calls, 1);
    EXPECT_THROW(coro::blocking([] { throw std::runtime_error("lost"); }), std::runtime_error);
    try {
      throw std::runtime_error("outer");
    } catch (const std::runtime_error&) {  // in flight across the change of threads
      EXPECT_THROW(coro::blocking([] { throw std::logic_error("inner"); }), std::logic_error);
      try {
        throw;
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "outer");
      }
    }
  });
  scheduler_.wait_empty();
}

TEST_P(BlockingTest, ManyAtOnceInterleaveWithOthers) {
  std::atomic<int> sum{0};
  scheduler_.run([&sum] {
    coro::WaitGroup group;
    for (int i = 0; i < 200; ++i) {
      group.add(1);
      coro::go([&group, &sum] {
        for (int round = 0; round < 5; ++round) {
          sum += coro::blocking([] {
            std::this_thread::yield();
            return 1;
          });
          coro::yield();
        }
        group.done();
      });
    }
    group.wait();
  });
  EXPECT_EQ(sum, 1000);
  scheduler_.wait_empty();
}

// One worker: only because it is handed over can others run meanwhile.
TEST(Blocking, OthersGoOnMeanwhile) {
  Gate gate;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([&gate] {
    coro::WaitGroup group;
    group.add(10);
    for (int i = 0; i < 10; ++i) {
      coro::go([&] {
        coro::blocking([&gate] { gate.pass(); });
        group.done();
      });
    }
    coro::yield();
    coro::sleep_for(std::chrono::milliseconds(1));  // timers go on, too
    gate.open();
    group.wait();
  });
  scheduler.wait_empty();
}

TEST_P(BlockingTest, IsNoCoroutineInside) {
  scheduler_.run([] {
    const std::uint64_t self = coro::current_id();
    coro::blocking([] {
      EXPECT_EQ(coro::current_id(), 0u);
      EXPECT_THROW(coro::yield(), coro::UsageError);
      EXPECT_THROW(coro::go([] {}), coro::UsageError);
    });
    EXPECT_EQ(coro::current_id(), self);
  });
  EXPECT_THROW(coro::blocking([] {}), coro::UsageError);
  scheduler_.wait_empty();
}

TEST(Blocking, IsPublished) {
  Gate gate;
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  std::atomic<std::uint64_t> id{0};
  scheduler.go([&] {
    id = coro::current_id();
    coro::blocking([&gate] { gate.pass(); });
  });
  gate.await(1);
  const coro_header header = wait_for_state(id, CORO_STATE_SYSCALL);
  EXPECT_GT(header.saved_sp, header.stack_low);
  EXPECT_LT(header.saved_sp, header.stack_high);
  const auto* figures = reinterpret_cast<const coro_scheduler*>(coro_descriptor.schedulers);
  while (figures->id == 0) ++figures;
  EXPECT_EQ(figures->blocking, 1u);
  EXPECT_EQ(figures->threads, 2u);
  EXPECT_EQ(reinterpret_cast<const coro_worker*>(figures->workers)->handoffs, 1u);
  gate.open();
  scheduler.wait_empty();
  EXPECT_EQ(figures->blocking, 0u);
}

// The end of a scheduler waits for the call, and the coroutine is left.
TEST(Blocking, MayBeUnderWayWhenTheSchedulerEnds) {
  Gate gate;
  std::thread opener;
  {
    coro::Scheduler scheduler({.workers = 2});
    for (int i = 0; i < 4; ++i) {
      scheduler.go([&gate] { coro::blocking([&gate] { gate.pass(); }); });
    }
    gate.await(4);
    opener = std::thread([&gate] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      gate.open();
    });
  }
  opener.join();
}

}  // namespace
