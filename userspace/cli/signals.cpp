// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>

namespace coroscope {

Result<Fd> catch_termination() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  Fd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot wait for signals: {}", std::strerror(errno))};
  }
  return fd;
}

void ignore_broken_pipe() {
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace coroscope
