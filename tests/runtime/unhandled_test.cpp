// SPDX-License-Identifier: Apache-2.0
#include "coro/unhandled.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "coro/coro.h"

namespace {

class UnhandledDeathTest : public testing::TestWithParam<unsigned> {
 protected:
  // The child is a fresh process: there are threads here.
  UnhandledDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};
INSTANTIATE_TEST_SUITE_P(Workers, UnhandledDeathTest, testing::Values(0u, 2u));

__attribute__((noinline)) void lose_the_way() {
  throw std::runtime_error("no such street");
}

bool may_unwind = false;

// Its destructor would run if the stack were unwound.
struct Unwound {
  ~Unwound() {
    if (!may_unwind) std::fputs("unwound\n", stderr);
  }
};

__attribute__((noinline)) void deliver() {
  const Unwound unwound;
  lose_the_way();
  asm volatile("" ::: "memory");
}

__attribute__((noinline)) void send_courier(coro::Scheduler& scheduler) {
  scheduler.go([] {
    coro::set_name("courier");
    deliver();
  });
}

TEST_P(UnhandledDeathTest, NamesTheCoroutineAndShowsItsStack) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam()});
    send_courier(scheduler);
    scheduler.wait_empty();
  };
  EXPECT_DEATH(die(),
               "^coro: an exception left coroutine [0-9]+ \"courier\": no such street\n"
               "thrown at\n(  .*\n)*  .*lose_the_way.*\n  .*deliver.*\n(  .*\n)*"
               "created by\n  .*send_courier.*\n");
}

TEST_P(UnhandledDeathTest, OtherThanStandardExceptions) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam()});
    scheduler.go([] { throw 7; });
    scheduler.wait_empty();
  };
  EXPECT_DEATH(die(), "an exception left coroutine [0-9]+: not a std::exception\nthrown at\n");
}

coro::Task<void> lose_the_way_as_task() {
  co_await coro::async_yield();
  lose_the_way();
}

TEST_P(UnhandledDeathTest, OfATask) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam()});
    scheduler.go(lose_the_way_as_task());
    scheduler.wait_empty();
  };
  EXPECT_DEATH(die(), "an exception left coroutine [0-9]+: no such street\ncreated by\n");
}

// A catch further out, and a rethrow, in a coroutine: nothing is unhandled.
TEST_P(UnhandledDeathTest, NotWhatIsCaught) {
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  EXPECT_THROW(scheduler.run([] { lose_the_way(); }), std::runtime_error);
  scheduler.run([] {
    try {
      try {
        lose_the_way();
      } catch (...) {
        throw;
      }
    } catch (const std::exception&) {
    }
  });
}

std::atomic<int> handled{0};
std::atomic<std::uint64_t> handled_id{0};

class UnhandledTest : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    handled = 0;
    may_unwind = true;
    coro::set_unhandled_exception_handler([](const coro::UnhandledException& exception) {
      EXPECT_EQ(exception.name, "courier");
      EXPECT_THROW(std::rethrow_exception(exception.error), std::runtime_error);
      handled_id = exception.id;
      ++handled;
    });
  }
  void TearDown() override { EXPECT_NE(coro::set_unhandled_exception_handler(nullptr), nullptr); }
  coro::Scheduler scheduler{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, UnhandledTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(UnhandledTest, GoesToTheHandler) {
  std::atomic<std::uint64_t> id{0};
  scheduler.go([&id] {
    id = coro::current_id();
    coro::set_name("courier");
    deliver();
  });
  scheduler.wait_empty();
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(handled_id, id);
  for (int i = 0; i < 50; ++i) send_courier(scheduler);
  scheduler.wait_empty();
  EXPECT_EQ(handled, 51);
}

coro::Task<void> courier_as_task() {
  coro::set_name("courier");
  co_await lose_the_way_as_task();
}

TEST_P(UnhandledTest, OfTasksGoesToTheHandler) {
  for (int i = 0; i < 10; ++i) scheduler.go(courier_as_task());
  scheduler.wait_empty();
  EXPECT_EQ(handled, 10);
}

}  // namespace
