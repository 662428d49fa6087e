// SPDX-License-Identifier: Apache-2.0
#include "proc/thread_waits.h"

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <array>
#include <cstdio>

namespace coroscope {
namespace {

// Number, and the six arguments. Nothing if it is in no system call.
struct Call {
  long number = -1;
  std::array<unsigned long, 6> arguments{};
};

std::optional<Call> parse_call(const std::string& line) {
  Call call;
  auto& a = call.arguments;
  const int read = std::sscanf(line.c_str(), "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx",
                               &call.number, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5]);
  return read == 7 ? std::optional(call) : std::nullopt;
}

bool waits_for_thread(const Call& call) {
  const int operation = static_cast<int>(call.arguments[1]);
  if ((operation & FUTEX_PRIVATE_FLAG) == 0) return false;  // another process may share it
  const int command = operation & FUTEX_CMD_MASK;
  return (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) && call.arguments[3] == 0;
}

}  // namespace

ThreadWait parse_thread_wait(const std::string& line) {
  const auto call = parse_call(line);
  if (!call) return ThreadWait::other;
  switch (call->number) {
    case SYS_futex:
      return waits_for_thread(*call) ? ThreadWait::thread : ThreadWait::other;
#ifdef SYS_epoll_wait
    case SYS_epoll_wait:
#endif
    case SYS_epoll_pwait:
      return static_cast<int>(call->arguments[3]) == -1 ? ThreadWait::epoll : ThreadWait::other;
#ifdef SYS_epoll_pwait2
    case SYS_epoll_pwait2:
      return call->arguments[3] == 0 ? ThreadWait::epoll : ThreadWait::other;
#endif
    default:
      return ThreadWait::other;
  }
}

std::optional<ThreadWaits> thread_waits(const Process& process) {
  ThreadWaits waits;
  const std::string tasks = process.proc_path("task");
  for (const pid_t thread : list_numbers(tasks)) {
    std::string line;
    if (!read_text_file(fmt::format("{}/{}/syscall", tasks, thread), &line, 4096)) return {};
    switch (parse_thread_wait(line)) {
      case ThreadWait::thread:
        waits.thread++;
        break;
      case ThreadWait::epoll:
        waits.epoll++;
        break;
      case ThreadWait::other:
        waits.other++;
        return waits;
    }
  }
  return waits;
}

}  // namespace coroscope
