// SPDX-License-Identifier: Apache-2.0
// Reading what the command prints as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace coroscope::testing {

// One object a line.
inline std::vector<nlohmann::json> lines_of(const std::string& output) {
  std::vector<nlohmann::json> lines;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// Of the program's own frames, innermost first.
inline std::vector<std::string> functions(const nlohmann::json& stack) {
  std::vector<std::string> names;
  for (const auto& frame : stack) {
    const bool own = !frame.value("runtime", false) && !frame.value("library", false);
    if (own) names.push_back(frame["function"]);
  }
  return names;
}

}  // namespace coroscope::testing
