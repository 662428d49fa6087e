// SPDX-License-Identifier: Apache-2.0
// coroscope doctor --serve: what the daemon may do here.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "cli/check.h"
#include "daemon/privilege.h"
#include "daemon/serve.h"
#include "proc/process.h"
#include "util/text.h"

namespace coroscope {
namespace {

using daemon::CapabilityNeed;

Check check_capability(const CapabilityNeed& need) {
  Check check{need.name, need.had || !need.needed, need.needed, "", ""};
  check.found = fmt::format("{}: {}", need.had ? "had" : "not had", need.why);
  if (need.instead) check.found += "; CAP_SYS_ADMIN, which is had, stands for it";
  if (!check.ok) {
    check.fix = fmt::format(
        "run as root, or give it {}: AmbientCapabilities= of systemd, capabilities.add of "
        "Kubernetes",
        need.name);
  }
  return check;
}

// A number that the kernel is set to; -1 if there is no such setting.
int setting(const char* path) {
  std::string text;
  return read_text_file(path, &text, 64) ? std::atoi(text.c_str()) : -1;
}

bool is_had(const std::vector<CapabilityNeed>& needs, std::string_view name) {
  return std::any_of(needs.begin(), needs.end(), [name](const CapabilityNeed& need) {
    return need.name == name && (need.had || need.instead);
  });
}

// One that is of no concern to who has a capability.
Check check_setting(const char* name, const char* path, int most, const char* capability,
                    bool had) {
  const int value = setting(path);
  Check check{name, value <= most || had, false, std::to_string(value), ""};
  if (value < 0) check.found = "this kernel has no such setting";
  if (value > most && had) check.found += fmt::format(", which {} is above", capability);
  if (!check.ok) check.fix = fmt::format("it is for those without {}: see there", capability);
  return check;
}

Check check_ptrace_scope() {
  const int scope = setting("/proc/sys/kernel/yama/ptrace_scope");
  Check check{"ptrace_scope", scope < 3, true, std::to_string(scope), ""};
  if (scope < 0) check.found = "this kernel has no Yama";
  if (scope >= 3) {
    check.fix =
        "nobody may read the memory of others, and that stays so until the next boot: set "
        "kernel.yama.ptrace_scope to 2 or less before it";
  }
  return check;
}

// The option hidepid that /proc is mounted with, here; empty if processes of others are seen.
std::string hidepid() {
  std::string mounts, value;
  if (!read_text_file("/proc/self/mounts", &mounts, 1 << 20)) return value;
  std::istringstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    std::string device, place, kind, options;
    std::istringstream(line) >> device >> place >> kind >> options;
    if (place != "/proc" || kind != "proc") continue;
    const size_t found = options.find("hidepid=");  // of the last one, which is what is seen
    value =
        found == std::string::npos ? "" : options.substr(found, options.find(',', found) - found);
  }
  return value == "hidepid=off" || value == "hidepid=0" ? "" : value;
}

Check check_hidepid(bool may_look) {
  const std::string option = hidepid();
  Check check{"/proc", option.empty() || may_look, true, "processes of others are seen", ""};
  if (!option.empty()) check.found = "mounted with " + printable(option);
  if (!check.ok) {
    check.fix = "that hides processes from who has no CAP_SYS_PTRACE (ProtectProc= of systemd)";
  }
  return check;
}

Check check_other_daemon() {
  daemon::OneOnHost one;
  const auto other = one.take();
  Check check{"other daemon", !other, false, "none serves on this host", ""};
  if (other) {
    check.found = *other == 0 ? "one serves on this host already"
                              : fmt::format("process {} serves on this host already", *other);
    check.fix = "end one of them: both watch, and cost";
  }
  return check;
}

// The folder of a file, which the daemon makes, or the nearest above it that is there.
std::string folder_of(const std::string& path) {
  std::error_code ignored;
  std::filesystem::path folder = std::filesystem::absolute(path, ignored).parent_path();
  while (folder.has_relative_path() && !std::filesystem::exists(folder, ignored)) {
    folder = folder.parent_path();
  }
  return folder;
}

// Who can not keep one watches all the same.
Check check_history(const std::string& path) {
  Check check{"history", true, false, printable(path), ""};
  if (path.empty()) check.found = "none is kept";
  const std::string folder = folder_of(path);
  if (!path.empty() && ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    check.ok = false;
    check.found = fmt::format("{}: {}", printable(folder), std::strerror(errno));
    check.fix =
        "none is kept: name another place as history.path (StateDirectory=coroscope of systemd "
        "makes one)";
  }
  return check;
}

Check check_serving(const std::string& path) {
  Check check{"config", true, true, path.empty() ? "what is built in" : printable(path), ""};
  auto config = daemon::read_config(path);
  const auto tried = config ? daemon::try_serving(*config) : Result<void>(config.error());
  if (config) check.found += fmt::format(", to listen on {}:{}", config->host, config->port);
  if (!tried) {
    check.ok = false;
    check.fix = tried.error().message;
  }
  return check;
}

}  // namespace

std::vector<Check> serve_checks(const std::string& config) {
  const std::vector<CapabilityNeed> needs = daemon::capability_needs();
  std::vector<Check> checks;
  for (const CapabilityNeed& need : needs) checks.push_back(check_capability(need));
  checks.push_back(check_setting("perf events", "/proc/sys/kernel/perf_event_paranoid", 1,
                                 "CAP_PERFMON", is_had(needs, "CAP_PERFMON")));
  checks.push_back(check_setting("unprivileged", "/proc/sys/kernel/unprivileged_bpf_disabled", 0,
                                 "CAP_BPF", is_had(needs, "CAP_BPF")));
  checks.push_back(check_ptrace_scope());
  checks.push_back(check_hidepid(is_had(needs, "CAP_SYS_PTRACE")));
  checks.push_back(check_other_daemon());
  if (const auto read = daemon::read_config(config)) {
    checks.push_back(check_history(read->history));
  }
  checks.push_back(check_serving(config));
  return checks;
}

}  // namespace coroscope
