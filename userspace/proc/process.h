// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// What /proc/PID/stat says of a process.
struct ProcessStat {
  std::string name;
  char state = '?';
  uint32_t flags = 0;
  uint64_t start_ticks = 0;
  uint64_t cpu_ticks = 0;  // user and system, of all its threads, those that ended too
  uint64_t threads = 0;
  uint64_t resident_pages = 0;
  uint64_t start_stack = 0;  // where its stack begins; 0: not told, or it has none
};

// The name may hold anything, blanks and parentheses too.
Result<ProcessStat> parse_stat(std::string_view text);

// Process identifies one process for good: it holds a pidfd, so a later process
// that gets the same number is never taken for it. What is read by number
// (/proc/PID/..., process_vm_readv) is the target's if alive() is still true and
// executed() still false afterwards.
class Process {
 public:
  // Errors: target_gone if there is no such process, usage if `pid` is the
  // number of a thread or no possible number at all; as of check_proc.
  static Result<Process> open(pid_t pid);

  Process(Process&&) = default;
  Process& operator=(Process&&) = default;

  pid_t pid() const { return pid_; }
  // What it is to itself, in its own PID namespace; 0 if that is the same.
  pid_t inner_pid() const { return inner_pid_; }
  // Start time in clock ticks after boot: with pid() it names the process in a report.
  uint64_t start_ticks() const { return start_ticks_; }
  uid_t uid() const { return uid_; }  // effective
  // The kernel's short name (comm), at most 15 bytes, control bytes replaced.
  const std::string& name() const { return name_; }
  bool kernel_thread() const { return kernel_thread_; }
  int pidfd() const { return pidfd_.get(); }

  // The arguments joined by blanks; the name in brackets if there are none.
  std::string command_line() const;
  std::string user() const;  // the owner's name, or the number
  // False as soon as the process ended, also while nobody has reaped it. It has
  // ended when the last of its threads has.
  bool alive() const;
  // True also a little before that: its main thread has given the memory back,
  // so whatever failed on it failed for that reason. Costs more than alive().
  bool ending() const;
  // True once it runs another program than when it was opened (exec), also if
  // that is the same file at the same addresses. Always false without the right
  // to read its memory.
  bool executed() const;
  // True if other threads live on without the main one, for good: the kernel
  // then shows no memory under the process's number. May take 200 ms to be sure.
  bool main_thread_ended() const;
  // False if its CLOCK_MONOTONIC is another than ours: it is in another time namespace.
  bool shares_clock() const;
  // What the kernel says of it now; nothing if it has ended.
  std::optional<ProcessStat> stat() const;
  // "process 1234 (name)", or "process 1234 (name, inner pid 7)"
  std::string describe() const;
  // "/proc/1234/<name>"
  std::string proc_path(const char* name) const;
  // The target_gone error for this process; says which of the above it was.
  Error gone() const;

 private:
  Process() = default;

  pid_t pid_ = 0;
  pid_t inner_pid_ = 0;
  uint64_t start_ticks_ = 0;
  uid_t uid_ = 0;
  std::string name_;
  bool kernel_thread_ = false;
  Fd pidfd_;
  // /proc/PID/mem, which stays with the address space of the program that ran
  // when it was opened. Nothing is read through it.
  Fd memory_mark_;
};

// Whether /proc shows processes by the numbers that system calls take from us. One
// of another PID namespace shows others, or the same by other numbers. Error:
// environment.
Result<void> check_proc();

// The entries of a folder that are numbers, ascending.
std::vector<pid_t> list_numbers(const std::string& path);

// All process numbers that /proc shows, ascending.
std::vector<pid_t> list_pids();

// The whole of a small file, such as one in /proc; stops at `limit` bytes.
// errno is set if it fails.
bool read_text_file(const std::string& path, std::string* text, size_t limit = 64 << 20);

}  // namespace coroscope
