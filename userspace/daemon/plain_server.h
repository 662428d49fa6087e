// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <httplib.h>

#include "daemon/http_limits.h"

namespace coroscope::daemon {

// The library's server without TLS, which tells `limits` of its connections: the library's own
// says to nobody which one it serves. One request each.
class PlainServer : public httplib::Server {
 public:
  // `limits` outlives it.
  explicit PlainServer(ConnectionLimits& limits) : limits_(limits) {}

 private:
  bool process_and_close_socket(socket_t fd) override;

  ConnectionLimits& limits_;
};

}  // namespace coroscope::daemon
