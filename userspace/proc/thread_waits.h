// SPDX-License-Identifier: Apache-2.0
// What the threads of a process wait for in the kernel, by /proc/PID/task/TID/syscall.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proc/process.h"

namespace coroscope {

enum class ThreadWait : uint8_t {
  thread,  // for another thread of the process, for ever: a private futex without time limit
  epoll,   // for events, for ever
  other,   // for something else, or it does not wait
};

// `line` as in that file: "202 0x7f.. 0x80 .. ", "running", or "-1 ..".
ThreadWait parse_thread_wait(const std::string& line);

// ThreadWaits counts the threads of a process by that.
struct ThreadWaits {
  uint64_t thread = 0;
  uint64_t epoll = 0;
  uint64_t other = 0;
};

// Thread after thread, so not all at one moment. Nothing if one could not be asked: the
// kernel tells only who may trace the process. Stops to count at the first `other`.
std::optional<ThreadWaits> thread_waits(const Process& process);

}  // namespace coroscope
