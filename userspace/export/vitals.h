// SPDX-License-Identifier: Apache-2.0
// The forms of `stat`: what one look at a process found.
#pragma once

#include <sys/types.h>

#include <string>

#include "model/vitals.h"

namespace coroscope {

struct VitalsRecord {
  pid_t pid = 0;
  pid_t inner_pid = 0;  // in its own PID namespace; 0: the same
  std::string runtime;
  uint64_t elapsed_ns = 0;    // since the first look
  uint32_t other_copies = 0;  // of the runtime, not looked at
  VitalsSample sample;
  Vitals vitals;
};

// For people: a row of columns that vitals_header() names, and a line about the
// schedulers if the runtime tells of them. What is not known is "-". What was
// lost ends the line that it is missing from.
std::string vitals_header();
std::string vitals_text(const VitalsRecord& record);

// One object, in a line. What is not known is absent. Fields are only ever added;
// README.md documents them.
std::string vitals_json(const VitalsRecord& record);

}  // namespace coroscope
