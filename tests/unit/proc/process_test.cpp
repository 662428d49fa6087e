// SPDX-License-Identifier: Apache-2.0
#include "proc/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "child.h"
#include "proc/memory.h"

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

TEST(ProcessExecuted, IsTrueOnceAnotherProgramRuns) {
  int cue[2];
  ASSERT_EQ(::pipe2(cue, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    char byte = 0;
    (void)!::read(cue[0], &byte, 1);
    ::execl("/bin/sleep", "sleep", "600", nullptr);
    ::_exit(1);
  }
  const Result<Process> process = Process::open(pid);
  ASSERT_TRUE(process.ok());
  EXPECT_FALSE(process->executed());
  ASSERT_EQ(::write(cue[1], "x", 1), 1);
  for (int i = 0; i < 1000 && !process->executed(); ++i) ::usleep(10'000);
  EXPECT_TRUE(process->executed());
  EXPECT_TRUE(process->alive());
  EXPECT_FALSE(process->ending());
  EXPECT_EQ(process->gone().kind, ErrorKind::target_gone);
  EXPECT_NE(process->gone().message.find("has executed another program"), std::string::npos);
  const Result<Process> successor = Process::open(pid);
  ASSERT_TRUE(successor.ok());
  EXPECT_FALSE(successor->executed()) << "it is opened as what it is now";
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(process->executed());
  EXPECT_TRUE(process->gone().message.ends_with("has ended"));
  ::close(cue[0]);
  ::close(cue[1]);
}

TEST(ProcessMainThread, MayEndBeforeTheProcessDoes) {
  Child child([] {
    pthread_t thread{};
    const auto live_on = [](void*) -> void* {
      while (true) ::pause();
    };
    ::pthread_create(&thread, nullptr, live_on, nullptr);
    ::signal(SIGUSR1, [](int) { ::syscall(SYS_exit, 0); });
  });
  const Result<Process> process = Process::open(child.pid());
  ASSERT_TRUE(process.ok());
  EXPECT_FALSE(process->main_thread_ended());
  ::syscall(SYS_tgkill, child.pid(), child.pid(), SIGUSR1);
  for (int i = 0; i < 1000 && !process->main_thread_ended(); ++i) ::usleep(10'000);
  EXPECT_TRUE(process->main_thread_ended());
  EXPECT_TRUE(process->alive()) << "the other thread lives";
  EXPECT_TRUE(process->ending()) << "its memory can not be read";
  EXPECT_FALSE(process->executed());
  const std::string message = process->gone().message;
  EXPECT_NE(message.find("main thread has ended"), std::string::npos) << message;

  const Result<Process> late = Process::open(child.pid());
  ASSERT_TRUE(late.ok());
  EXPECT_TRUE(late->main_thread_ended());
  const auto memory = ProcessMemory::open(*late);
  ASSERT_FALSE(memory.ok());
  EXPECT_NE(memory.error().message.find("main thread has ended"), std::string::npos);

  child.kill();
  EXPECT_FALSE(process->alive());
  EXPECT_FALSE(process->main_thread_ended());
  EXPECT_TRUE(process->gone().message.ends_with("has ended"));
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
  EXPECT_EQ(stat->cpu_ticks, 11u);
  EXPECT_EQ(stat->threads, 1u);
  EXPECT_EQ(stat->resident_pages, 5u);
}

TEST(ProcessStat, IsOfTheProcessAsItIsNow) {
  const Result<Process> process = Process::open(::getpid());
  ASSERT_TRUE(process.ok());
  const std::optional<ProcessStat> alone = process->stat();
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->start_ticks, process->start_ticks());
  EXPECT_GT(alone->resident_pages, 100u);
  std::latch done(1);
  std::thread other([&done] { done.wait(); });
  EXPECT_EQ(process->stat()->threads, alone->threads + 1);
  done.count_down();
  other.join();
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
