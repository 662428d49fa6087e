// SPDX-License-Identifier: Apache-2.0
#include "daemon/http_limits.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace coroscope::daemon {

thread_local int ConnectionLimits::served_ = -1;

ConnectionLimits::ConnectionLimits(const HttpLimits& limits)
    : limits_(limits), thread_([this] { work(); }) {}

ConnectionLimits::~ConnectionLimits() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ConnectionLimits::enter(int fd, Stage stage) {
  if (fd < 0) return;
  served_ = fd;
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = connections_.try_emplace(fd, stage, end_of(stage));
  if (!is_new && at->second.stage < stage) at->second = {stage, end_of(stage)};
  changed_.notify_all();
}

bool ConnectionLimits::has_left() {
  pollfd closed{served_, POLLRDHUP, 0};
  return served_ >= 0 && ::poll(&closed, 1, 0) > 0;
}

void ConnectionLimits::over() {
  const std::lock_guard lock(mutex_);
  connections_.erase(std::exchange(served_, -1));
}

ConnectionLimits::Clock::time_point ConnectionLimits::end_of(Stage stage) const {
  switch (stage) {
    case Stage::handshake:
      return Clock::now() + limits_.handshake;
    case Stage::request:
      return Clock::now() + limits_.request;
    case Stage::response:
      return Clock::now() + limits_.response;
    case Stage::answer:
      break;
  }
  return Clock::time_point::max();
}

void ConnectionLimits::work() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const Clock::time_point now = Clock::now();
    auto next = Clock::time_point::max();
    for (auto& [fd, connection] : connections_) {
      if (connection.until <= now) {
        ::shutdown(fd, SHUT_RDWR);
        connection.until = Clock::time_point::max();
      }
      next = std::min(next, connection.until);
    }
    // Not until the end of time, which the C library may take for the past.
    changed_.wait_until(lock, std::min(next, now + std::chrono::hours(1)));
  }
}

}  // namespace coroscope::daemon
