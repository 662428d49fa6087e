// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "detect/ignore.h"
#include "util/result.h"

namespace CLI {
class App;
}

namespace coroscope {

// IgnoreOptions are the options that say which coroutines are meant to stay, as typed.
struct IgnoreOptions {
  std::vector<std::string> top;
  std::vector<std::string> any;
  std::vector<std::string> created_by;
  std::vector<std::string> labels;
  std::vector<std::string> files;
};

void add_ignore_options(CLI::App& command, IgnoreOptions& options);

// Reads the files too, and tells on stderr which of their entries have expired.
Result<std::vector<IgnoreRule>> read_ignores(const IgnoreOptions& options);

}  // namespace coroscope
