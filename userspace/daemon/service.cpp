// SPDX-License-Identifier: Apache-2.0
#include "daemon/service.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace coroscope::daemon {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

ServiceManager::ServiceManager() : address_(environment("NOTIFY_SOCKET")) {
  if (address_.empty() || address_.size() >= sizeof(sockaddr_un::sun_path)) {
    address_.clear();
    return;
  }
  if (address_.front() == '@') address_.front() = '\0';  // an abstract one
  socket_ = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const std::string pid = environment("WATCHDOG_PID");
  if (!pid.empty() && pid != std::to_string(::getpid())) return;
  // Half of what it waits for at most.
  interval_ns_ = std::strtoull(environment("WATCHDOG_USEC").c_str(), nullptr, 10) * 1000 / 2;
  if (interval_ns_ != 0) next_ns_ = 0;
}

void ServiceManager::tell(std::string_view what) const {
  if (address_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  address_.copy(address.sun_path, sizeof address.sun_path - 1);
  ::sendto(socket_.get(), what.data(), what.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size()));
}

void ServiceManager::alive(uint64_t now_ns) {
  if (now_ns < next_ns_) return;
  tell("WATCHDOG=1");
  next_ns_ = now_ns + interval_ns_;
}

}  // namespace coroscope::daemon
