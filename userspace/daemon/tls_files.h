// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace coroscope::daemon {

// Paths of files in PEM form.
struct TlsFiles {
  std::string certificate = {};  // ours, with those between it and its root; empty: no TLS
  std::string key = {};
  std::string client_ca = {};  // a client needs a certificate of one of these; empty: it needs none
};

}  // namespace coroscope::daemon
