// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "observe/observation.h"

namespace coroscope {

// WatchOutput is what `watch` shows: data on stdout, the rest on stderr.
class WatchOutput {
 public:
  // `live`: tell each fault as soon as it is one, and what may become one, because nobody
  // knows when the report will come.
  WatchOutput(bool json, bool live, const ReportRules& rules);

  void attached(const Observation& observation, uint64_t took_ns);
  void sample(Observation& observation, uint64_t elapsed_ns);
  void gone(const Error& error);
  void report(const std::vector<TargetReport>& reports, int exit_code);

  // False once nobody reads stdout any more.
  bool wanted() const { return wanted_; }

 private:
  void print(const std::string& text);
  void tell_what_is_new(Observation& observation);

  bool json_;
  bool live_;
  ReportRules rules_;
  bool colour_;
  bool wanted_ = true;
  std::set<std::string> told_;
};

}  // namespace coroscope
