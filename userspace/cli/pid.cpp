// SPDX-License-Identifier: Apache-2.0
#include "cli/pid.h"

#include <fmt/format.h>

#include <charconv>

namespace coroscope {

Result<pid_t> parse_pid(const std::string& text) {
  pid_t pid = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (failed == std::errc() && end == text.data() + text.size() && pid > 0) return pid;
  return Error{ErrorKind::usage,
               fmt::format("'{}' is no process number; `coroscope ps` lists the processes that "
                           "run coroutines",
                           text)};
}

}  // namespace coroscope
