// SPDX-License-Identifier: Apache-2.0
// What systemd is told, if it is who started this: sd_notify(3)'s protocol, which is a few words to
// a socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "util/fd.h"

namespace coroscope::daemon {

class ServiceManager {
 public:
  // By NOTIFY_SOCKET, and WATCHDOG_USEC (only if that is meant for this process).
  ServiceManager();

  void tell(std::string_view what) const;  // "READY=1"; never waits

  // That looks go on, as often as is asked for.
  void alive(uint64_t now_ns);
  // When it is to be told that again; as late as can be if nobody asks.
  uint64_t next_ns() const { return next_ns_; }

 private:
  Fd socket_;
  std::string address_;  // empty: nobody asks
  uint64_t interval_ns_ = 0;
  uint64_t next_ns_ = UINT64_MAX;
};

}  // namespace coroscope::daemon
