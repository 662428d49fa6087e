// SPDX-License-Identifier: Apache-2.0
// Of coro::start: exceptions that nobody joins for, and misuse.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

class DetachTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, DetachTest, testing::Values(0u, 1u, 2u, 8u));

coro::Task<int> fail_later() {
  co_await coro::async_yield();
  const int none = 0;
  if (none == 0) throw std::runtime_error("no");
  co_return none;
}

TEST_P(DetachTest, DetachedOnesGoOn) {
  std::atomic<int> ran{0};
  scheduler.run([&ran] {
    coro::start([&ran] { ++ran; }).detach();
    coro::Join<void> dropped = coro::start([&ran] { ++ran; });
    dropped = coro::start([&ran] { ++ran; });
    dropped.join();
  });
  scheduler.wait_empty();
  EXPECT_EQ(ran, 3);
}

TEST_P(DetachTest, ExceptionsOfTheDetachedGoToTheirHandler) {
  std::atomic<int> handled{0};
  const coro::StartOptions options{.on_exception = [&handled](std::exception_ptr error) {
    EXPECT_THROW(std::rethrow_exception(std::move(error)), std::runtime_error);
    ++handled;
  }};
  const auto fail = [] { throw std::runtime_error("no"); };
  scheduler.run([&] {
    coro::start(options, fail).detach();
    auto ended = coro::start(options, fail);
    ended.wait();
    EXPECT_LE(handled, 1);
    ended.detach();
    EXPECT_GE(handled, 1);
    auto joined = coro::start(options, fail);
    EXPECT_THROW(joined.join(), std::runtime_error);
    coro::start(options, fail_later).detach();
  });
  scheduler.wait_empty();
  EXPECT_EQ(handled, 3);
}

TEST_P(DetachTest, ExceptionsOfTheDetachedGoToTheProcessHandler) {
  static std::atomic<int> handled{0};
  handled = 0;
  coro::set_unhandled_exception_handler([](const coro::UnhandledException& exception) {
    EXPECT_EQ(exception.name, "loser");
    EXPECT_NE(exception.id, 0u);
    ++handled;
  });
  scheduler.run([] {
    for (int i = 0; i < 10; ++i) {
      auto join = coro::start({.name = "loser"}, [] { throw std::runtime_error("no"); });
      if (i % 2 == 0) join.wait();
    }
  });
  scheduler.wait_empty();
  coro::set_unhandled_exception_handler(nullptr);
  EXPECT_EQ(handled, 10);
}

TEST_P(DetachTest, Misuse) {
  EXPECT_THROW(static_cast<void>(coro::start([] {})), coro::UsageError);
  EXPECT_THROW(static_cast<void>(coro::start({.timeout = 1s}, [] {})), coro::UsageError);
  coro::Join<int> none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.id(), 0u);
  EXPECT_THROW(none.join(), coro::UsageError);
  coro::Join<int> outside;
  scheduler.run([&outside] {
    outside = coro::start([] { return 1; });
    coro::Join<void> self;
    std::atomic<bool> ready{false};
    self = coro::start([&] {
      while (!ready) coro::yield();
      EXPECT_THROW(self.join(), coro::UsageError);
    });
    ready = true;
    self.wait();
  });
  EXPECT_THROW(outside.join(), coro::UsageError);
  scheduler.run([&outside] { EXPECT_EQ(outside.join(), 1); });
  scheduler.wait_empty();
}

class DetachDeathTest : public testing::Test {
 protected:
  // The child is a fresh process: there are threads here.
  DetachDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

__attribute__((noinline)) void lose_the_way() {
  throw std::runtime_error("no such street");
}

TEST_F(DetachDeathTest, NobodyTakesTheException) {
  const auto die = [](bool before) {
    coro::Scheduler scheduler({.workers = 0});
    scheduler.run([before] {
      auto join = coro::start({.name = "courier"}, [] { lose_the_way(); });
      if (!before) join.wait();
    });
    scheduler.wait_empty();
  };
  EXPECT_DEATH(die(true),
               "an exception left coroutine [0-9]+ \"courier\": no such street\n"
               "thrown at\n(  .*\n)*  .*lose_the_way.*\n(  .*\n)*created by coroutine [0-9]+\n");
  EXPECT_DEATH(die(false),
               "an exception left coroutine [0-9]+ \"courier\": no such street\n"
               "created by coroutine [0-9]+\n");
}

}  // namespace
