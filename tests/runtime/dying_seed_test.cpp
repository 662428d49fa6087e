// SPDX-License-Identifier: Apache-2.0
// A seed in which the process dies is told, and dies again.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "coro/coro.h"
#include "coro/testing.h"
#include "sanitizer.h"

namespace {

constexpr std::uint64_t fatal_seed = 17;

std::string told(std::uint64_t seed) {
  const std::string number = std::to_string(seed);
  return "coro: the process died while seed " + number +
         " ran.\nTo run it alone, set CORO_SEED=" + number + " in the environment.\n";
}

// What dies in the last of some seeds.
void die_in(std::uint64_t seed, const std::function<void()>& die) {
  coro::testing::for_each_seed(seed - 5, 100, [&, run = seed - 5]() mutable {
    coro::go([] { coro::yield(); });
    coro::yield();
    if (run++ == seed) die();
  });
}

volatile int stays_zero = 0;
// In a page that is never mapped; not null, which UndefinedBehaviorSanitizer sees.
int* volatile nowhere = reinterpret_cast<int*>(4096);

__attribute__((noinline)) int overflow(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  if (stays_zero != 0) return 0;
  return overflow(depth + 1) + frame[0];
}

void fail() {
  throw std::runtime_error("thrown through noexcept");
}
void terminate_by_noexcept() noexcept {
  fail();
}

struct Death {
  const char* name;
  void (*die)();
  int signal;  // that ends the process, where no sanitizer sees it first
};

const Death deaths[] = {
    {"Abort", [] { std::abort(); }, SIGABRT},
    {"Terminate", [] { std::terminate(); }, SIGABRT},
    {"Noexcept", [] { terminate_by_noexcept(); }, SIGABRT},
    {"WildPointer", [] { *nowhere = 1; }, SIGSEGV},
    {"Trap", [] { __builtin_trap(); }, 0},
    {"RaisedSegmentationFault", [] { raise(SIGSEGV); }, SIGSEGV},
    {"ExceptionOfFiber",
     [] {
       coro::go([] { throw std::runtime_error("nobody caught me"); });
       coro::sleep_for(std::chrono::seconds(1));
     },
     SIGABRT},
    {"ExceptionOfTask",
     [] {
       coro::go([]() -> coro::Task<> {
         co_await coro::async_yield();
         throw std::runtime_error("nobody caught me");
       });
       coro::sleep_for(std::chrono::seconds(1));
     },
     SIGABRT},
    {"OtherThread", [] { std::thread([] { std::abort(); }).join(); }, SIGABRT},
#if !CORO_TSAN
    {"Overflow", [] { overflow(0); }, SIGSEGV},
    {"Interrupt", [] { raise(SIGINT); }, SIGINT},
    {"Termination", [] { kill(getpid(), SIGTERM); }, SIGTERM},
#endif
#if CORO_ASAN
    {"Sanitizer",
     [] {
       auto value = std::make_unique<int>(stays_zero);
       int* volatile left = value.get();
       value.reset();
       stays_zero = *left;
     },
     0},
#endif
};

class WaysToDieDeathTest : public testing::TestWithParam<Death> {
 protected:
  // The child is a fresh process: there are threads here.
  WaysToDieDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};
INSTANTIATE_TEST_SUITE_P(Deaths, WaysToDieDeathTest, testing::ValuesIn(deaths),
                         [](const auto& death) { return death.param.name; });

TEST_P(WaysToDieDeathTest, IsTold) {
  const auto as_otherwise = [](int status) {
    const int signal = GetParam().signal;
    if (CORO_ASAN || CORO_TSAN || signal == 0) return WIFSIGNALED(status) || status != 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == signal;
  };
  EXPECT_EXIT(die_in(fatal_seed, GetParam().die), as_otherwise, told(fatal_seed));
}

class DyingSeedDeathTest : public testing::Test {
 protected:
  DyingSeedDeathTest() { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(DyingSeedDeathTest, IsToldOnce) {
  EXPECT_EXIT(die_in(3000, [] { std::abort(); }), testing::KilledBySignal(SIGABRT),
              "^" + told(3000) + "$");
}

// An update is lost, in some orders.
void abort_if_lost() {
  int value = 0;
  coro::Mutex mutex;
  coro::WaitGroup group;
  for (int i = 0; i < 2; ++i) {
    group.add(1);
    coro::go([&] {
      const int read = value;
      if (mutex.try_lock()) mutex.unlock();
      value = read + 1;
      group.done();
    });
  }
  group.wait();
  if (value != 2) throw std::runtime_error("an update was lost");
}

void die_of_it() noexcept {
  abort_if_lost();
}

TEST_F(DyingSeedDeathTest, DiesAgain) {
  std::uint64_t seed = 0;
  try {
    coro::testing::for_each_seed(0, 100, abort_if_lost);
    FAIL() << "no update was lost";
  } catch (const coro::testing::SeedFailed& failed) {
    seed = failed.seed();
  }
  EXPECT_DEATH(coro::testing::for_each_seed(0, 100, die_of_it), told(seed));
  EXPECT_DEATH(
      {
        setenv("CORO_SEED", std::to_string(seed).c_str(), 1);
        coro::testing::for_each_seed(seed + 1, 100, die_of_it);
      },
      told(seed));
}

// Whose handler was there gets the signal, and the process is its own afterwards.
TEST_F(DyingSeedDeathTest, ThoseWhoHandledSignalsStillDo) {
  EXPECT_EXIT(
      {
        signal(SIGSEGV, [](int) { _exit(3); });
        die_in(fatal_seed, [] { *nowhere = 1; });
      },
      testing::ExitedWithCode(3), told(fatal_seed));
  EXPECT_EXIT(
      {
        std::set_terminate([] { _exit(4); });
        die_in(fatal_seed, [] { std::terminate(); });
      },
      testing::ExitedWithCode(4), told(fatal_seed));
}

std::terminate_handler outer = nullptr;

// Handlers that are set in a run, and call those that were there before, as the
// runtime's own for overflows does.
TEST_F(DyingSeedDeathTest, IsToldByHandlersThatCallOurs) {
  const auto explore_twice = [] {
    coro::testing::for_each_seed(0, 1, [] { outer = std::set_terminate([] { outer(); }); });
    coro::testing::for_each_seed(0, 1, [] {});
  };
  EXPECT_DEATH(
      {
        explore_twice();
        die_in(fatal_seed, [] { *nowhere = 1; });
      },
      told(fatal_seed));
  EXPECT_EXIT(
      {
        explore_twice();
        die_in(fatal_seed, [] { std::terminate(); });
      },
      testing::KilledBySignal(SIGABRT), told(fatal_seed));
}

TEST(DyingSeed, LeavesNothingBehind) {
  const coro::Scheduler sets_handlers_for_good({.workers = 0});
  const auto actions = [] {
    std::vector<void (*)(int)> all;
    for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGINT, SIGTERM}) {
      struct sigaction action {};
      sigaction(number, nullptr, &action);
      all.push_back(action.sa_handler);
    }
    return all;
  };
  const auto before = actions();
  const std::terminate_handler terminate = std::get_terminate();
  coro::testing::for_each_seed(0, 3, [&] { EXPECT_NE(actions(), before); });
  EXPECT_EQ(actions(), before);
  EXPECT_EQ(std::get_terminate(), terminate);
}

}  // namespace
