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

Result<Fd> catch_signals(const sigset_t& signals) {
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  Fd fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot wait for signals: {}", std::strerror(errno))};
  }
  return fd;
}

}  // namespace

Result<Fd> catch_termination() {
  return catch_signals(termination());
}

Result<Fd> catch_daemon_signals() {
  sigset_t signals = termination();
  sigaddset(&signals, SIGHUP);
  return catch_signals(signals);
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
