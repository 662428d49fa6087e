// SPDX-License-Identifier: Apache-2.0
#include "proc/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "child.h"

namespace coroscope {
namespace {

TEST(ProcessOpen, KnowsItself) {
  const Result<Process> self = Process::open(::getpid());
  ASSERT_TRUE(self.ok()) << self.error().message;
  EXPECT_EQ(self->pid(), ::getpid());
  EXPECT_EQ(self->uid(), ::geteuid());
  EXPECT_GT(self->start_ticks(), 0u);
  EXPECT_EQ(self->name(), "unit_proc");
  EXPECT_FALSE(self->kernel_thread());
  EXPECT_TRUE(self->alive());
  EXPECT_NE(self->command_line().find("unit_proc"), std::string::npos);
  EXPECT_EQ(self->describe(), "process " + std::to_string(::getpid()) + " (unit_proc)");
}

TEST(ProcessOpen, NoSuchPidIsTargetGone) {
  Child child;
  const pid_t pid = child.pid();
  child.kill();
  child.reap();
  const Result<Process> process = Process::open(pid);
  ASSERT_FALSE(process.ok());
  EXPECT_EQ(process.error().kind, ErrorKind::target_gone);
  EXPECT_TRUE(process.error().message.starts_with("no process " + std::to_string(pid)));
}

TEST(ProcessOpen, RefusesNumbersThatAreNone) {
  for (const pid_t pid : {0, -1, -2147483647}) {
    const Result<Process> process = Process::open(pid);
    ASSERT_FALSE(process.ok());
    EXPECT_EQ(process.error().kind, ErrorKind::usage);
  }
}

TEST(ProcessOpen, NamesTheProcessOfAThread) {
  std::latch known(1);
  std::latch done(1);
  pid_t thread_id = 0;
  std::jthread thread([&] {
    thread_id = static_cast<pid_t>(::syscall(SYS_gettid));
    known.count_down();
    done.wait();
  });
  known.wait();
  const Result<Process> process = Process::open(thread_id);
  done.count_down();
  ASSERT_FALSE(process.ok());
  EXPECT_EQ(process.error().kind, ErrorKind::usage);
  const std::string expected = "is a thread of process " + std::to_string(::getpid());
  EXPECT_NE(process.error().message.find(expected), std::string::npos) << process.error().message;
}

TEST(ProcessAlive, AZombieIsGone) {
  Child child;
  const Result<Process> process = Process::open(child.pid());
  ASSERT_TRUE(process.ok());
  EXPECT_TRUE(process->alive());
  child.kill();
  EXPECT_FALSE(process->alive());
  EXPECT_EQ(process->gone().kind, ErrorKind::target_gone);
  EXPECT_FALSE(Process::open(child.pid()).ok());
  child.reap();
  EXPECT_FALSE(process->alive());
  EXPECT_EQ(process->command_line(), "[" + process->name() + "]");
}

TEST(ProcessOpen, ReadsHostileNames) {
  Child child([] { ::prctl(PR_SET_NAME, ") R 1 (\n\x1b[1m"); });
  const Result<Process> process = Process::open(child.pid());
  ASSERT_TRUE(process.ok()) << process.error().message;
  EXPECT_EQ(process->name(), ") R 1 (??[1m");
  EXPECT_GT(process->start_ticks(), 0u);
}

TEST(ProcessOpen, RecognisesKernelThreads) {
  std::string stat;
  if (!read_text_file("/proc/2/stat", &stat) || stat.find("(kthreadd)") == std::string::npos) {
    // Not visible in a PID namespace; the flag is covered by ParseStat.
    return;
  }
  const Result<Process> process = Process::open(2);
  ASSERT_TRUE(process.ok());
  EXPECT_TRUE(process->kernel_thread());
  EXPECT_EQ(process->command_line(), "[kthreadd]");
}

TEST(ParseStat, TakesTheNameUpToTheLastParenthesis) {
  const Result<ProcessStat> stat = parse_stat(
      "7 (a) (b c) S 1 7 7 0 -1 2097216 1 2 3 4 5 6 7 8 20 0 1 0 424242 100 5 "
      "18446744073709551615");
  ASSERT_TRUE(stat.ok());
  EXPECT_EQ(stat->name, "a) (b c");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->flags & 0x00200000u, 0x00200000u);
  EXPECT_EQ(stat->start_ticks, 424242u);
}

TEST(ParseStat, RefusesNonsense) {
  for (const char* text : {"", "7", "7 (a", "7 a) S", "7 )a( S 1", "7 (a)", "7 (a) S 1 2 3",
                           "7 (a) SS 1 7 7 0 -1 64 1 2 3 4 5 6 7 8 20 0 1 0 42",
                           "7 (a) S 1 7 7 0 -1 64 1 2 3 4 5 6 7 8 20 0 1 0 4x2",
                           "7 (a) S 1 7 7 0 -1 64 1 2 3 4 5 6 7 8 20 0 1 0 99999999999999999999"}) {
    EXPECT_FALSE(parse_stat(text).ok()) << text;
  }
}

TEST(ListPids, HoldsThisProcessOnce) {
  const std::vector<pid_t> pids = list_pids();
  EXPECT_TRUE(std::is_sorted(pids.begin(), pids.end()));
  EXPECT_EQ(std::count(pids.begin(), pids.end(), ::getpid()), 1);
}

}  // namespace
}  // namespace coroscope
