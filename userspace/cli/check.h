// SPDX-License-Identifier: Apache-2.0
// One thing that `doctor` has looked at.
#pragma once

#include <string>
#include <vector>

namespace coroscope {

struct Check {
  std::string name;
  bool ok = false;
  bool needed = true;  // it does not work without
  std::string found;
  std::string fix;  // empty if ok
};

// What the daemon needs besides what `watch` does. `config` is a path; empty: none.
std::vector<Check> serve_checks(const std::string& config);

}  // namespace coroscope
