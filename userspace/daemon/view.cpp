// SPDX-License-Identifier: Apache-2.0
#include "daemon/view.h"

#include <fmt/format.h>

namespace coroscope::daemon {

std::string short_id(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char one : text) hash = (hash ^ static_cast<unsigned char>(one)) * 0x100000001b3u;
  return fmt::format("{:012x}", hash >> 16);
}

std::string stack_id(const ReportedStack& frames) {
  std::string text;
  for (const ReportedFrame& frame : frames) text += frame.function + '\n' + frame.file + '\n';
  return short_id(text);
}

Service service_of(const ProcessFacts& facts, const std::string& name) {
  Service service;
  service.name = name.empty() ? facts.name : name;
  // Not the arguments, which may be another port each time; nor the container, which is
  // another one after each deploy, and is in the path of the cgroup: a name then stands for it.
  const std::string group = facts.container.empty() ? facts.cgroup : std::string();
  service.id = short_id(service.name + '\n' + facts.user + '\n' + group);
  return service;
}

}  // namespace coroscope::daemon
