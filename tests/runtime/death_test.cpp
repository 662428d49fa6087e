// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <stdexcept>
#include <system_error>
#include <vector>

#include "coro/coro.h"
#include "sanitizer.h"
#include "stack_pool.h"

namespace {

class RuntimeDeathTest : public testing::Test {
 protected:
  // The child is a fresh process: there are threads here.
  RuntimeDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

volatile int stays_zero = 0;

__attribute__((noinline)) int overflow(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  if (stays_zero != 0) return 0;
  return overflow(depth + 1) + frame[0];
}

bool died(int status) {
  return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

TEST_F(RuntimeDeathTest, OverflowHitsTheGuardPage) {
  EXPECT_EXIT(
      {
        coro::Scheduler scheduler({.workers = 1});
        scheduler.run([] { return overflow(0); });
        _exit(0);
      },
      died, "");
}

TEST_F(RuntimeDeathTest, BothGuardsAreFatal) {
  for (const auto guard : {coro::detail::Guard::automatic, coro::detail::Guard::protect}) {
    EXPECT_EXIT(
        {
          coro::detail::StackPool pool(nullptr, 65536, guard);
          std::vector<coro::detail::Fiber*> fibers;
          pool.take(fibers, 1);
          auto* low = reinterpret_cast<volatile char*>(fibers.front()->stack_low);
          low[-1] = 1;
          _exit(0);
        },
        died, "");
  }
}

TEST_F(RuntimeDeathTest, ExceptionThatLeavesACoroutine) {
  EXPECT_EXIT(
      {
        coro::Scheduler scheduler({.workers = 1});
        scheduler.go([] { throw std::runtime_error("nobody caught me"); });
        scheduler.wait_empty();
        _exit(0);
      },
      died, "an exception left coroutine [0-9]+: nobody caught me");
}

coro::Task<> throw_from_a_task() {
  co_await coro::async_yield();
  throw std::runtime_error("nobody caught me");
}

TEST(DeathTest, ExceptionLeavesTask) {
  EXPECT_EXIT(
      {
        coro::Scheduler scheduler({.workers = 1});
        scheduler.go(throw_from_a_task());
        scheduler.wait_empty();
        _exit(0);
      },
      died, "an exception left coroutine [0-9]+: nobody caught me");
}

#if !CORO_ASAN && !CORO_TSAN  // which need all of the address space
[[noreturn]] void start_too_many_workers() {
  rlimit limit{};
  limit.rlim_cur = limit.rlim_max = rlim_t{2} << 30;  // room for some of them
  setrlimit(RLIMIT_AS, &limit);
  for (int i = 0; i < 20; ++i) {
    try {
      coro::Scheduler scheduler({.workers = 1000});
      _exit(1);
    } catch (const std::system_error&) {
      continue;
    }
  }
  coro::Scheduler scheduler({.workers = 1});
  _exit(scheduler.run([] { return 0; }));
}

TEST_F(RuntimeDeathTest, ThreadsThatCannotBeHad) {
  EXPECT_EXIT(start_too_many_workers(), testing::ExitedWithCode(0), "");
}
#endif

coro::Task<> leave_a_group() {
  coro::Channel<int> never_sent(0);
  coro::Group group;
  group.go([&] { static_cast<void>(never_sent.receive()); });
  co_return;
}

TEST_F(RuntimeDeathTest, GroupThatATaskDoesNotWaitFor) {
  EXPECT_EXIT(
      {
        coro::Scheduler scheduler({.workers = 1});
        scheduler.run(leave_a_group());
        _exit(0);
      },
      died, "a task destroyed a Group");
}

TEST_F(RuntimeDeathTest, CoroutinesLeftWhereNoneMayBe) {
  EXPECT_EXIT(
      {
        coro::Channel<int> never_sent(0);
        {
          coro::Scheduler scheduler({.workers = 1, .require_empty = true});
          scheduler.go([&] { static_cast<void>(never_sent.receive()); });
        }
        _exit(0);
      },
      died, "1 coroutines are left");
}

TEST_F(RuntimeDeathTest, TimersLeftWhereNoneMayBe) {
  EXPECT_EXIT(
      {
        coro::Context endless;
        {
          coro::Scheduler scheduler({.workers = 1, .require_empty = true});
          scheduler.run([&] { endless = coro::with_timeout({}, std::chrono::hours(1)).context; });
          scheduler.wait_empty();
        }
        _exit(0);
      },
      died, "1 armed timers are left at the end of a scheduler that requires none");
}

}  // namespace
