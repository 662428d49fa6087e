// SPDX-License-Identifier: Apache-2.0
#include "cli/dump_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "cli/pid.h"
#include "export/dump_saved.h"
#include "observe/dumping.h"

namespace coroscope {
namespace {

Result<OpenDump> of_process(pid_t pid, bool judged) {
  auto observation = Observation::open(pid);
  if (!observation) return observation.error();
  auto dump = judged ? take_judged_dump(**observation) : take_dump(**observation);
  if (!dump) return dump.error();
  auto details = std::make_unique<TargetDetails>((*observation)->target());
  return OpenDump{std::move(*observation), std::move(*dump), std::move(details)};
}

Result<OpenDump> of_stream(std::istream& input, const std::string& name) {
  auto saved = read_saved_dump(input, name);
  if (!saved) return saved.error();
  return OpenDump{nullptr, std::move(saved->dump), std::move(saved->details)};
}

}  // namespace

Result<OpenDump> open_dump(const std::string& source, bool judged) {
  if (source == "-") return of_stream(std::cin, "stdin");
  const bool number = std::all_of(source.begin(), source.end(),
                                  [](unsigned char one) { return one >= '0' && one <= '9'; });
  if (number) {
    const auto pid = parse_pid(source);
    return pid ? of_process(*pid, judged) : pid.error();
  }
  std::ifstream file(source);
  if (!file) {
    return Error{ErrorKind::usage,
                 fmt::format("'{}' is no PID, and as a file it can not be opened: {}", source,
                             std::strerror(errno))};
  }
  return of_stream(file, source);
}

}  // namespace coroscope
