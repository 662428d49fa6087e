// SPDX-License-Identifier: Apache-2.0
// CORO_KEEP_LEFTOVERS: what is left of a scheduler that ends stays as it is. Each test is a
// process of its own: nothing takes it away again.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <thread>

#include "coro/coro.h"

namespace {

// With how many coroutines the process is left once the scheduler has ended.
[[noreturn]] void end_with(const char* keep, const coro::SchedulerOptions& options) {
  if (keep != nullptr) setenv("CORO_KEEP_LEFTOVERS", keep, 1);
  coro::Channel<int> silent(0);
  {
    coro::Scheduler scheduler(options);
    scheduler.go([&silent] { static_cast<void>(silent.receive()); });
    scheduler.go(
        [&silent] { static_cast<void>(silent.receive_for(std::chrono::milliseconds(20))); });
    scheduler.run([] { coro::yield(); });
  }
  std::_Exit(static_cast<int>(coro::debug::count()));
}

TEST(LeftoversDeathTest, AreFreedUnlessSomebodyAsks) {
  EXPECT_EXIT(end_with(nullptr, {.workers = 2}), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_with("soon", {.workers = 2}), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(end_with("", {.workers = 2}), testing::ExitedWithCode(0), "");
}

TEST(LeftoversDeathTest, AreKeptButForThoseThatEndInTime) {
  EXPECT_EXIT(end_with("60000", {.workers = 0}), testing::ExitedWithCode(2), "")
      << "nobody runs them";
  EXPECT_EXIT(end_with("2000", {.workers = 2}), testing::ExitedWithCode(1), "");
}

TEST(LeftoversDeathTest, AreNotKeptWhereNoneMayBe) {
  EXPECT_EXIT(end_with("0", {.workers = 2, .require_empty = true}),
              testing::KilledBySignal(SIGABRT), "coroutines are left");
}

}  // namespace
