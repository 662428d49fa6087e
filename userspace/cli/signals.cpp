// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>

namespace coroscope {

namespace {

sigset_t termination() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

Result<Fd> catch_termination() {
  const sigset_t signals = termination();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  Fd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot wait for signals: {}", std::strerror(errno))};
  }
  return fd;
}

void release_termination() {
  const sigset_t signals = termination();
  // The one that was noticed by poll is still pending: it is taken off first.
  const timespec at_once{};
  while (sigtimedwait(&signals, nullptr, &at_once) > 0) {
  }
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

void ignore_broken_pipe() {
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace coroscope
