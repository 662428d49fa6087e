// SPDX-License-Identifier: Apache-2.0
// The sanitizers have handlers of their own for what is tested here.
#include "stack_overflow.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>

#include "coro/coro.h"
#include "sanitizer.h"

#if !CORO_ASAN && !CORO_TSAN
namespace {

class StackOverflowDeathTest : public testing::TestWithParam<unsigned> {
 protected:
  // The child is a fresh process: there are threads here.
  StackOverflowDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};
INSTANTIATE_TEST_SUITE_P(Workers, StackOverflowDeathTest, testing::Values(0u, 1u, 2u));

volatile int stays_zero = 0;

__attribute__((noinline)) int recurse(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  if (stays_zero != 0) return 0;
  return recurse(depth + 1) + frame[0];
}

__attribute__((noinline)) void start_recursion(coro::Scheduler& scheduler) {
  scheduler.go([] {
    coro::set_name("deep");
    recurse(0);
  });
}

bool killed_by_segv(int status) {
  return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
}

TEST_P(StackOverflowDeathTest, NamesTheCoroutine) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam(), .stack_size = 128 * 1024});
    start_recursion(scheduler);
    scheduler.wait_empty();
    _exit(0);
  };
  EXPECT_EXIT(
      die(), killed_by_segv,
      "coro: stack overflow in coroutine [0-9]+ \"deep\": it has used all 12[0-9] KiB of its "
      "stack; give more by SchedulerOptions::stack_size, or recurse less\n"
      "overflowed at\n  .*recurse.*\n  .*recurse.*\n(  .*\n)*  \\.\\.\\.\n"
      "running\n  .*run_closure.*\ncreated by\n  .*start_recursion.*\n");
}

// In a blocking call the thread has no worker.
TEST_P(StackOverflowDeathTest, InABlockingCall) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam()});
    scheduler.go([] {
      coro::set_name("deep");
      coro::blocking([] { recurse(0); });
    });
    scheduler.wait_empty();
    _exit(0);
  };
  EXPECT_EXIT(die(), killed_by_segv, "stack overflow in coroutine [0-9]+ \"deep\"");
}

TEST_P(StackOverflowDeathTest, OnlyIfWanted) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam(), .report_stack_overflow = false});
    start_recursion(scheduler);
    scheduler.wait_empty();
    _exit(0);
  };
  EXPECT_EXIT(die(), killed_by_segv, "^$");
}

void on_segv(int) {
  constexpr char text[] = "the program's own handler\n";
  static_cast<void>(write(2, text, sizeof text - 1));
  _exit(3);
}

TEST_P(StackOverflowDeathTest, ThenComesTheProgramsOwnHandler) {
  const auto die = [] {
    struct sigaction action {};
    action.sa_handler = on_segv;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGSEGV, &action, nullptr);
    coro::Scheduler scheduler({.workers = GetParam()});
    start_recursion(scheduler);
    scheduler.wait_empty();
    _exit(0);
  };
  EXPECT_EXIT(die(), testing::ExitedWithCode(3),
              "stack overflow in coroutine(.|\n)*the program's own handler");
}

TEST_P(StackOverflowDeathTest, NoOtherFault) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam()});
    scheduler.go([] {
      volatile int* volatile nowhere = nullptr;
      *nowhere = 1;
    });
    scheduler.wait_empty();
    _exit(0);
  };
  EXPECT_EXIT(die(), killed_by_segv, "^$");
}

TEST_P(StackOverflowDeathTest, NoSignalThatIsSent) {
  const auto die = [] {
    coro::Scheduler scheduler({.workers = GetParam()});
    scheduler.go([] { raise(SIGSEGV); });
    scheduler.wait_empty();
    _exit(0);
  };
  EXPECT_EXIT(die(), killed_by_segv, "^$");
}

// The caller's thread is given back as it was.
TEST(AlternateStack, IsTheThreadsOnlyWhileItRunsCoroutines) {
  stack_t before{};
  ASSERT_EQ(sigaltstack(nullptr, &before), 0);
  coro::Scheduler scheduler({.workers = 0});
  for (int i = 0; i < 3; ++i) {
    scheduler.run([] {
      stack_t during{};
      ASSERT_EQ(sigaltstack(nullptr, &during), 0);
      EXPECT_EQ(during.ss_flags & SS_DISABLE, 0);
    });
    stack_t after{};
    ASSERT_EQ(sigaltstack(nullptr, &after), 0);
    EXPECT_EQ(before.ss_flags, after.ss_flags);
    EXPECT_EQ(before.ss_sp, after.ss_sp);
  }
}

class OutOfMemoryDeathTest : public StackOverflowDeathTest {};
INSTANTIATE_TEST_SUITE_P(Workers, OutOfMemoryDeathTest, testing::Values(0u, 1u, 2u));

// Starts coroutines until no stack can be had, says why to stderr, and goes on.
[[noreturn]] void start_too_many(unsigned workers) {
  coro::Scheduler scheduler({.workers = workers, .require_empty = true});
  scheduler.run([] {
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = rlim_t{1} << 30;
    setrlimit(RLIMIT_AS, &limit);
    coro::Channel<int> end(0);
    coro::WaitGroup group;
    std::uint64_t started = 0;
    try {
      for (;; ++started) {
        group.add(1);
        coro::go([end, &group]() mutable {
          static_cast<void>(end.receive());
          group.done();
        });
      }
    } catch (const std::system_error& error) {
      group.done();
      std::fprintf(stderr, "%s\n", error.what());
    }
    if (started < 1000) _exit(1);
    end.close();
    group.wait();
    coro::start([] {}).join();
  });
  scheduler.wait_empty();
  _exit(7);
}

TEST_P(OutOfMemoryDeathTest, NoMoreStacks) {
  EXPECT_EXIT(start_too_many(GetParam()), testing::ExitedWithCode(7),
              "coro: no address space for more coroutine stacks of 64 KiB each.*"
              "SchedulerOptions::stack_size.*Cannot allocate memory");
}

}  // namespace
#endif
