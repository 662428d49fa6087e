// SPDX-License-Identifier: Apache-2.0
// What can be known of a process from outside, without looking into it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proc/process.h"

namespace coroscope::daemon {

struct ProcessFacts {
  std::string command_line;  // printable
  std::string name;          // of its program, as it was called: "order_server"
  std::string user;
  std::string cgroup;     // its path in the unified hierarchy, or in that of systemd: "/"
  std::string container;  // the id that its cgroup names; empty: none
  // What it says of itself in the variable COROSCOPE_LABELS: "team=pay,env=prod".
  std::vector<std::pair<std::string, std::string>> labels;
};

ProcessFacts facts_of(const Process& process);

// Of the text of /proc/PID/cgroup (cgroups(7)): the unified hierarchy's path, else systemd's,
// else the first one's.
std::string parse_cgroup(std::string_view text);

// The id of a container that a cgroup's path names, as docker, podman, containerd and cri-o write
// it: 64 hexadecimal digits in its last part, or in any. The innermost one counts.
std::string container_in(std::string_view cgroup);

// Pairs of "key=value" separated by commas; what is not of that form is left out. At most 16.
std::vector<std::pair<std::string, std::string>> parse_labels(std::string_view text);

}  // namespace coroscope::daemon
