// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "util/result.h"

namespace coroscope::daemon {

struct Url {
  std::string server;  // "http://host:port"
  std::string path;    // with the query; "/" if there is none
};

// "http://host:port/path", or https. Error: usage; `of` says whose address it should be.
Result<Url> parse_url(const std::string& url, const char* of);

}  // namespace coroscope::daemon
