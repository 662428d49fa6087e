// SPDX-License-Identifier: Apache-2.0
#include "daemon/url.h"

#include <fmt/format.h>

#include <algorithm>

namespace coroscope::daemon {

Result<Url> parse_url(const std::string& url, const char* of) {
  const size_t scheme = url.find("://");
  const std::string name = scheme == std::string::npos ? "" : url.substr(0, scheme);
  const size_t host = scheme == std::string::npos ? 0 : scheme + 3;
  const size_t path = std::min(url.find('/', host), url.size());
  if ((name != "http" && name != "https") || path == host) {
    return Error{
        ErrorKind::usage,
        fmt::format("'{}' is no address of {}; write it as http://host:port/path", url, of)};
  }
  return Url{url.substr(0, path), path == url.size() ? "/" : url.substr(path)};
}

}  // namespace coroscope::daemon
