// SPDX-License-Identifier: Apache-2.0
#include "proc/thread_waits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>

namespace coroscope {
namespace {

std::string futex(int operation, unsigned long timeout) {
  return fmt::format("{} 0x7f00 {:#x} 0x0 {:#x} 0x0 0xffffffff 0x7ffd 0x7f01\n", SYS_futex,
                     operation, timeout);
}

TEST(ThreadWaits, AFutexWithoutTimeLimitIsAWaitForAThread) {
  EXPECT_EQ(parse_thread_wait(futex(FUTEX_WAIT_PRIVATE, 0)), ThreadWait::thread);
  EXPECT_EQ(parse_thread_wait(futex(FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0)),
            ThreadWait::thread);
}

TEST(ThreadWaits, OneThatEndsOrIsSharedIsNot) {
  EXPECT_EQ(parse_thread_wait(futex(FUTEX_WAIT_PRIVATE, 0x7ffd00)), ThreadWait::other);
  EXPECT_EQ(parse_thread_wait(futex(FUTEX_WAIT, 0)), ThreadWait::other);
  EXPECT_EQ(parse_thread_wait(futex(FUTEX_WAKE_PRIVATE, 0)), ThreadWait::other);
}

TEST(ThreadWaits, EventsAreWaitedForForEverOrNot) {
  const auto epoll = [](unsigned timeout) {
    return fmt::format("{} 0x5 0x7ffd 0x80 {:#x} 0x0 0x8 0x7ffd 0x7f01", SYS_epoll_pwait, timeout);
  };
  EXPECT_EQ(parse_thread_wait(epoll(0xffffffff)), ThreadWait::epoll);
  EXPECT_EQ(parse_thread_wait(epoll(1000)), ThreadWait::other);
}

TEST(ThreadWaits, WhoRunsOrSaysNothingDoesNotWait) {
  for (const char* line : {"running", "", "-1 0x7ffd 0x7f01", "202", "202 0x1 0x80", "x y z"}) {
    EXPECT_EQ(parse_thread_wait(line), ThreadWait::other) << line;
  }
}

TEST(ThreadWaits, OfThisProcessOneRuns) {
  const auto process = Process::open(getpid());
  ASSERT_TRUE(process);
  const auto waits = thread_waits(*process);
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->other, 1u);
}

}  // namespace
}  // namespace coroscope
