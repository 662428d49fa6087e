// SPDX-License-Identifier: Apache-2.0
#include "proc/follower.h"

#include <fmt/format.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "proc/process.h"
#include "util/clock.h"

namespace coroscope {
namespace {

void go_on(pid_t tid, int signal = 0) {
  // It may have been killed meanwhile.
  (void)::ptrace(PTRACE_CONT, tid, nullptr, static_cast<long>(signal));
}

unsigned long message_of(pid_t tid) {
  unsigned long message = 0;
  (void)::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message);
  return message;
}

bool stops_a_group(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// Whether a process that was cloned is a thread of another.
pid_t group_of(pid_t tid) {
  std::string status;
  const std::string key = "\nTgid:";
  if (!read_text_file(fmt::format("/proc/{}/status", tid), &status)) return tid;
  const size_t at = status.find(key);
  return at == std::string::npos ? tid : std::atoi(status.c_str() + at + key.size());
}

// The number of the system call that a thread is in; below 0: none, or not known.
long system_call_of(pid_t pid, pid_t tid) {
  std::string text;
  if (!read_text_file(fmt::format("/proc/{}/task/{}/syscall", pid, tid), &text)) return -1;
  char* end = nullptr;
  const long number = std::strtol(text.c_str(), &end, 10);
  return end == text.c_str() ? -1 : number;
}

}  // namespace

Follower::Follower(pid_t command) : command_(command) {
  processes_[command].threads = {command};
  process_of_[command] = command;
}

Follower::Followed* Follower::process_of(pid_t tid) {
  const auto thread = process_of_.find(tid);
  if (thread == process_of_.end()) return nullptr;
  return &processes_[thread->second];
}

void Follower::add(pid_t parent_tid, pid_t tid, int event) {
  const pid_t group = group_of(tid);
  process_of_[tid] = group;
  Followed& process = processes_[group];
  process.threads.insert(tid);
  if (group == tid) {
    ++seen_;
    // It is stopped, and has been since it was made: what is older is its parent's.
    process.forked_ns = monotonic_ns();
    const Followed* parent = process_of(parent_tid);
    process.borrows = event == PTRACE_EVENT_VFORK || (parent != nullptr && parent->borrows);
  }
  if (unexpected_.erase(tid) > 0) go_on(tid);
}

// Who executes a program waits for all other threads to end, also for the main one.
bool Follower::executes_in_another_thread(pid_t pid) const {
  const std::set<pid_t>& threads = processes_.at(pid).threads;
  return std::any_of(threads.begin(), threads.end(), [pid](pid_t tid) {
    const long call = system_call_of(pid, tid);
    return tid != pid && (call == SYS_execve || call == SYS_execveat);
  });
}

void Follower::main_thread_ends(pid_t pid, const OnEnd& on_end) {
  Followed& process = processes_[pid];
  if (process.threads.size() > 1) {
    if (executes_in_another_thread(pid)) return go_on(pid);
    // It ends alone, which others may wait for: it can not be held until they have ended.
    if (system_call_of(pid, pid) == SYS_exit) {
      if (!process.borrows) on_end({pid, 0, process.forked_ns, true});
      return go_on(pid);
    }
    // Nobody wants to hold one that failed; before Linux 5.16 who writes its core would wait.
    if (const auto status = static_cast<int>(message_of(pid)); status != 0) {
      if (!process.borrows) on_end({pid, status, process.forked_ns, false});
      return go_on(pid);
    }
  }
  process.main_is_held = true;
  release_if_last(pid, on_end);
}

// Its other threads are gone, and who did it has become the main one.
void Follower::executed(pid_t pid) {
  Followed& process = processes_[pid];
  for (const pid_t tid : process.threads) process_of_.erase(tid);
  process = {};
  process.threads = {pid};
  process_of_[pid] = pid;
}

// In this order the main thread is the last one, through which /proc shows the memory.
void Follower::release_if_last(pid_t pid, const OnEnd& on_end) {
  Followed& process = processes_[pid];
  if (!process.main_is_held || process.threads.size() > 1) return;
  process.main_is_held = false;
  if (!process.borrows) {
    on_end({pid, static_cast<int>(message_of(pid)), process.forked_ns, false});
  }
  go_on(pid);
}

void Follower::forget(pid_t tid, const OnEnd& on_end) {
  unexpected_.erase(tid);
  const auto thread = process_of_.find(tid);
  if (thread == process_of_.end()) return;
  const pid_t pid = thread->second;
  process_of_.erase(thread);
  processes_[pid].threads.erase(tid);
  if (processes_[pid].threads.empty()) {
    processes_.erase(pid);
  } else {
    release_if_last(pid, on_end);
  }
}

void Follower::handle_event(pid_t tid, int event, int signal, const OnEnd& on_end) {
  switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      add(tid, static_cast<pid_t>(message_of(tid)), event);
      return go_on(tid);
    case PTRACE_EVENT_EXEC:
      executed(tid);
      return go_on(tid);
    case PTRACE_EVENT_EXIT:
      if (processes_.contains(tid)) return main_thread_ends(tid, on_end);
      return go_on(tid);
    case PTRACE_EVENT_STOP:
      if (stops_a_group(signal)) {
        (void)::ptrace(PTRACE_LISTEN, tid, nullptr, nullptr);
        return;
      }
      if (!process_of_.contains(tid)) {
        unexpected_.insert(tid);
        return;
      }
      return go_on(tid);
    default:
      return go_on(tid);
  }
}

void Follower::handle(pid_t tid, int status, const OnEnd& on_end) {
  if (WIFSTOPPED(status)) {
    const int event = status >> 16;
    if (event != 0) return handle_event(tid, event, WSTOPSIG(status), on_end);
    return go_on(tid, WSTOPSIG(status));
  }
  if (tid == command_) {
    stop_passing_signals();
    command_ended_ = true;
    status_ = status;
  }
  forget(tid, on_end);
}

bool Follower::any_main_is_held() const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [](const auto& entry) { return entry.second.main_is_held; });
}

// What could not be seen when the main thread came to its end: the other one was still
// on its way to wait for it. True if there may be more to see.
bool Follower::release_for_exec() {
  const std::lock_guard guard(mutex_);
  bool more = false;
  for (auto& [pid, process] : processes_) {
    if (!process.main_is_held) continue;
    if (executes_in_another_thread(pid)) {
      process.main_is_held = false;
      go_on(pid);
    }
    more = more || process.main_is_held;
  }
  return more;
}

int Follower::run(const OnEnd& on_end, uint64_t patience_ns) {
  uint64_t deadline = 0;
  bool watch_held = false;
  for (;;) {
    int status = 0;
    const bool at_once = command_ended_ || watch_held;
    const pid_t tid = ::waitpid(-1, &status, __WALL | (at_once ? WNOHANG : 0));
    if (tid < 0 && errno == EINTR) continue;
    if (tid < 0) break;  // all have ended
    if (tid > 0) {
      const std::lock_guard guard(mutex_);
      handle(tid, status, on_end);
      watch_held = any_main_is_held();
      continue;
    }
    watch_held = watch_held && release_for_exec();
    if (command_ended_ && deadline == 0) deadline = monotonic_ns() + patience_ns;
    if (command_ended_ && monotonic_ns() >= deadline) break;
    ::usleep(1000);
  }
  return status_;
}

size_t Follower::seen() const {
  const std::lock_guard guard(mutex_);
  return seen_;
}

std::vector<pid_t> Follower::alive() const {
  const std::lock_guard guard(mutex_);
  std::vector<pid_t> pids;
  for (const auto& [pid, process] : processes_) pids.push_back(pid);
  return pids;
}

}  // namespace coroscope
