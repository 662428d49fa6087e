// SPDX-License-Identifier: Apache-2.0
// Reads back the verdicts that `watch --json` wrote.
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "detect/judge.h"
#include "util/result.h"

namespace coroscope {

// SavedFinding is a verdict of a saved report.
struct SavedFinding {
  uint64_t pid = 0;
  std::string waits;  // "chan send, no receiver"
  std::string place;  // "query_backend server.cpp:57"; empty if it is not known
  Judgement judgement;
};

// Those of the last report in `input`; `name` is for errors. The contents are not trusted:
// texts are made printable. Errors (usage): what is wrong; also if there is no report.
Result<std::vector<SavedFinding>> read_saved_watch(std::istream& input, const std::string& name);

}  // namespace coroscope
