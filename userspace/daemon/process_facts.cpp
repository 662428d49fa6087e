// SPDX-License-Identifier: Apache-2.0
#include "daemon/process_facts.h"

#include <algorithm>
#include <cstddef>

#include "util/text.h"

namespace coroscope::daemon {
namespace {

constexpr size_t container_digits = 64;
constexpr size_t most_labels = 16;
constexpr size_t most_label_bytes = 256;
constexpr size_t most_file_bytes = 1 << 20;

// Calls f(part) for each part of `text` that `separator` divides, until it returns false.
template <typename F>
void for_each_part(std::string_view text, char separator, F f) {
  for (;;) {
    const size_t end = std::min(text.find(separator), text.size());
    if (!f(text.substr(0, end)) || end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

std::string_view variable(std::string_view environment, std::string_view name) {
  std::string_view value;
  for_each_part(environment, '\0', [&](std::string_view one) {
    if (!one.starts_with(name) || !one.substr(name.size()).starts_with('=')) return true;
    value = one.substr(name.size() + 1);
    return false;
  });
  return value;
}

std::string text_of(const Process& process, const char* file) {
  std::string text;
  return read_text_file(process.proc_path(file), &text, most_file_bytes) ? text : std::string();
}

// The last part of the path that it was called by; a script's interpreter is the program.
std::string program_name(const Process& process, std::string_view arguments) {
  const std::string_view path = arguments.substr(0, arguments.find('\0'));
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name.empty() ? process.name() : printable(std::string(name));
}

}  // namespace

std::string parse_cgroup(std::string_view text) {
  std::string_view first, systemd, unified;
  for_each_part(text, '\n', [&](std::string_view line) {
    const size_t begin = line.find(':');
    const size_t end = begin == std::string_view::npos ? begin : line.find(':', begin + 1);
    if (end == std::string_view::npos) return true;
    const std::string_view controllers = line.substr(begin + 1, end - begin - 1);
    const std::string_view path = line.substr(end + 1);
    if (first.empty()) first = path;
    if (controllers == "name=systemd") systemd = path;
    // Beside hierarchies of version 1 it may be there and hold nobody.
    if (controllers.empty() && path != "/") unified = path;
    return true;
  });
  for (const std::string_view path : {unified, systemd, first}) {
    if (!path.empty()) return printable(std::string(path));
  }
  return "/";
}

std::string container_in(std::string_view cgroup) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string_view found;
  for (size_t begin = 0; begin < cgroup.size();) {
    const size_t end = std::min(cgroup.find_first_not_of(digits, begin), cgroup.size());
    if (end - begin == container_digits) found = cgroup.substr(begin, container_digits);
    begin = end + 1;
  }
  return std::string(found);
}

std::vector<std::pair<std::string, std::string>> parse_labels(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> labels;
  for_each_part(text, ',', [&](std::string_view one) {
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos && equals > 0 && one.size() <= most_label_bytes) {
      labels.emplace_back(printable(std::string(one.substr(0, equals))),
                          printable(std::string(one.substr(equals + 1))));
    }
    return labels.size() < most_labels;
  });
  return labels;
}

ProcessFacts facts_of(const Process& process) {
  ProcessFacts facts;
  facts.command_line = process.command_line();
  facts.name = program_name(process, text_of(process, "cmdline"));
  facts.user = process.user();
  facts.cgroup = parse_cgroup(text_of(process, "cgroup"));
  facts.container = container_in(facts.cgroup);
  facts.labels = parse_labels(variable(text_of(process, "environ"), "COROSCOPE_LABELS"));
  return facts;
}

}  // namespace coroscope::daemon
