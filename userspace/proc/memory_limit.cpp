// SPDX-License-Identifier: Apache-2.0
#include "proc/memory_limit.h"

#include <charconv>
#include <fstream>
#include <sstream>

namespace coroscope {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The number that a text begins with; "max", or nothing at all, is none.
std::optional<uint64_t> number(const std::string& text, size_t at = 0) {
  while (at < text.size() && text[at] == ' ') at++;
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data() + at, end, value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// Of a line "MemAvailable:   123 kB".
std::optional<uint64_t> available(const std::string& meminfo) {
  constexpr std::string_view name = "MemAvailable:";
  const size_t at = meminfo.find(name);
  if (at == std::string::npos) return std::nullopt;
  const auto kilobytes = number(meminfo, at + name.size());
  return kilobytes && *kilobytes <= UINT64_MAX / 1024 ? std::optional(*kilobytes * 1024)
                                                      : std::nullopt;
}

// The group's path below the root: of the line "0::/a/b". Empty if there is none, or it is
// outside of what our own namespace shows.
std::string group_of(const std::string& cgroup) {
  std::istringstream lines(cgroup);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("0::/", 0) == 0 && line.find("..") == std::string::npos) return line.substr(3);
  }
  return {};
}

}  // namespace

std::optional<MemoryLeft> memory_left(const std::string& cgroup, const std::string& root,
                                      const std::string& meminfo) {
  std::optional<MemoryLeft> least;
  if (const auto bytes = available(meminfo)) least = {*bytes, false};
  for (std::string group = group_of(cgroup); group.size() > 1;
       group.resize(group.find_last_of('/'))) {
    const auto most = number(contents(root + group + "/memory.max"));
    const auto current = number(contents(root + group + "/memory.current"));
    if (!most || !current) continue;
    const uint64_t left = *most > *current ? *most - *current : 0;
    if (!least || left < least->bytes) least = {left, true};
  }
  return least;
}

std::optional<MemoryLeft> memory_left(const Process& process) {
  return memory_left(contents(process.proc_path("cgroup")), "/sys/fs/cgroup",
                     contents("/proc/meminfo"));
}

}  // namespace coroscope
