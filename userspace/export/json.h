// SPDX-License-Identifier: Apache-2.0
// The JSON form of `watch`: one object a line, each with a "type". Fields are
// only ever added; README.md documents them. Text that is not UTF-8 (a command
// line may be) has its bad bytes replaced.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "detect/report.h"

namespace coroscope {

// What a target looks like right after the attach, and at each tick.
struct SampleRecord {
  pid_t pid = 0;
  pid_t inner_pid = 0;   // in its own PID namespace; 0: the same
  double elapsed_s = 0;  // since the attach was complete
  Account account;
  std::optional<Schedulers> schedulers;  // if the runtime publishes them
};

struct AttachedRecord {
  pid_t pid = 0;
  pid_t inner_pid = 0;
  std::string command;
  std::string runtime;
  uint32_t workers = 0;
  double attach_s = 0;  // how long it took
  Account account;
};

// Each returns one line with its newline.
std::string attached_json(const AttachedRecord& record);
std::string sample_json(const SampleRecord& record);
std::string report_json(const std::vector<TargetReport>& reports, int exit_code);

}  // namespace coroscope
