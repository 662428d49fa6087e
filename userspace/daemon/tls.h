// SPDX-License-Identifier: Apache-2.0
// TLS for the server: its certificate, and whose clients are let in.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "daemon/http_limits.h"
#include "daemon/tls_files.h"
#include "util/result.h"

namespace coroscope::daemon {

class Tls {
 public:
  // Tells `limits`, which outlives it, of connections from their handshake on. Error: usage; which
  // file is wrong, and why.
  static Result<std::unique_ptr<Tls>> load(const TlsFiles& files, ConnectionLimits& limits);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // Reads the files again, for connections that come from now on. If they are wrong, all stays as
  // it is.
  Result<void> load_again();

  // Has connections that are made of `base` use what was loaded last. False if out of memory.
  // `base` must not be used after this has ended.
  bool set_up(SSL_CTX& base);

 private:
  struct State;
  explicit Tls(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace coroscope::daemon
