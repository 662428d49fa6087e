// SPDX-License-Identifier: Apache-2.0
// What is kept of a host's coroutines over months. Times are seconds since 1970 (UTC).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/reported.h"

namespace coroscope::history {

using Time = int64_t;

// What stays the same when a program is started again.
struct Service {
  std::string id;
  std::string name;
  std::string user;
  std::string cgroup;
};

// One process of a service, from when it was first seen to when it was last.
struct Instance {
  int64_t number = 0;  // in this history
  Service service;
  pid_t pid = 0;
  std::string boot_id;       // of the host, as in /proc/sys/kernel/random/boot_id
  uint64_t start_ticks = 0;  // with boot_id and pid: this process and no other
  std::string build_id;      // of its program; empty if it has none
  std::string command;
  Time from = 0;
  Time to = 0;
  bool ended = false;  // the process has, as far as anybody saw
};

// How many live coroutines were born at one place. The id "other" is that of all places that
// have no entry of their own.
struct StackCount {
  std::string id;
  int64_t live = 0;
};
inline constexpr const char* other_stacks = "other";

// A service that is started again and again has more of them than anybody wants to see.
inline constexpr int most_instances = 2000;

// A process at one moment. `time` is the end of what it stands for: samples are thinned with age.
struct Sample {
  int64_t instance = 0;
  Time time = 0;
  int64_t live = 0;
  int64_t peak = 0;  // the most that was seen since the sample before
  uint64_t spawned = 0;
  uint64_t exited = 0;
  double completeness = 1;
  std::vector<StackCount> stacks;
};

// A time of which nothing, or not the truth, is known.
struct Gap {
  Time from = 0;
  Time to = 0;
  std::string why;
};

// A lifecycle event: `line` is its JSON.
struct Event {
  Time time = 0;
  std::string service_id;  // empty: of the daemon itself
  std::string kind;        // "attached", "verdict_opened", ...
  std::string line;
};

}  // namespace coroscope::history
