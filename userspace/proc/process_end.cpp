// SPDX-License-Identifier: Apache-2.0
// How a process stops being the one that was opened.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "proc/process.h"

namespace coroscope {
namespace {

constexpr uint32_t pf_exiting = 0x00000004;  // PF_EXITING of the kernel's sched.h

// An address that no program of any architecture can map.
constexpr off_t nowhere = 0x7ffffffffffff000;

// A killed process may have lost its main thread, but not yet the others.
constexpr int killed_within_ms = 200;

bool ended(int pidfd, int timeout_ms) {
  pollfd poll_fd{pidfd, POLLIN, 0};
  int ready = 0;
  do ready = ::poll(&poll_fd, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  return ready != 0;
}

// True if the thread `tid` of `process` runs or could.
bool thread_lives(const Process& process, pid_t tid) {
  std::string text;
  if (!read_text_file(fmt::format("{}/{}/stat", process.proc_path("task"), tid), &text)) {
    return false;
  }
  const Result<ProcessStat> stat = parse_stat(text);
  return stat && stat->state != 'Z' && stat->state != 'X' && (stat->flags & pf_exiting) == 0;
}

bool another_thread_lives(const Process& process) {
  for (const pid_t tid : list_numbers(process.proc_path("task"))) {
    if (tid != process.pid() && thread_lives(process, tid)) return true;
  }
  return false;
}

// While a thread that is not the main one executes another program, the process has no
// memory for a moment, as if it were ending; it may have been opened just then. Asked
// only of one that is not what it was: if it lives, it is something else.
bool turns_out_to_have_executed(const Process& process) {
  for (int ms = 0; ms < killed_within_ms && process.alive() && process.ending(); ++ms) {
    (void)ended(process.pidfd(), 1);
  }
  return process.alive() && !process.ending();
}

}  // namespace

// A kernel without time namespaces has one clock.
bool Process::shares_clock() const {
  std::array<char, 64> ours{};
  std::array<char, 64> its{};
  const ssize_t one = ::readlink("/proc/self/ns/time", ours.data(), ours.size() - 1);
  const ssize_t other = ::readlink(proc_path("ns/time").c_str(), its.data(), its.size() - 1);
  return one < 0 || other < 0 || ours == its;
}

bool Process::alive() const {
  return !ended(pidfd_.get(), 0);
}

bool Process::ending() const {
  if (!alive()) return true;
  char target[1];
  // Without memory there is no program any more; a kernel thread never had one.
  return !kernel_thread_ && readlink(proc_path("exe").c_str(), target, sizeof target) < 0 &&
         errno == ENOENT;
}

bool Process::executed() const {
  if (!memory_mark_) return false;
  char byte = 0;
  // End of file once nobody uses that address space any more, an error before.
  return ::pread(memory_mark_.get(), &byte, 1, nowhere) == 0 && !ending();
}

bool Process::main_thread_ended() const {
  const auto is_so = [this] { return alive() && ending() && another_thread_lives(*this); };
  return is_so() && !ended(pidfd_.get(), killed_within_ms) && is_so();
}

Error Process::gone() const {
  if (turns_out_to_have_executed(*this)) {
    return {ErrorKind::target_gone,
            fmt::format("{} has executed another program: it is not the same target any more",
                        describe())};
  }
  if (main_thread_ended()) {
    return {ErrorKind::target_gone,
            fmt::format("{}: its main thread has ended and its memory can no longer be read "
                        "through it; coroscope does not follow such a process",
                        describe())};
  }
  return {ErrorKind::target_gone, fmt::format("{} has ended", describe())};
}

}  // namespace coroscope
