// SPDX-License-Identifier: Apache-2.0
// coroscope explain: what verdicts mean, and how those of a saved watch were reached.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "cli/commands.h"
#include "detect/explain.h"
#include "export/watch_saved.h"

namespace coroscope {
namespace {

ExitCode explain_report(std::istream& input, const std::string& name) {
  const auto findings = read_saved_watch(input, name);
  if (!findings) return fail(findings.error());
  for (const SavedFinding& finding : *findings) {
    fmt::print("pid {}  {}  {}  {}\n{}\n", finding.pid, summary(finding.judgement), finding.waits,
               finding.place, explain(finding.judgement));
  }
  if (findings->empty()) fmt::print("nothing grew\n");
  return exit_ok;
}

}  // namespace

ExitCode run_explain(const std::string& what) {
  if (what == "-") return explain_report(std::cin, "stdin");
  bool known = what.empty();
  for (const Verdict verdict : all_verdicts) {
    if (!what.empty() && verdict_name(verdict) != what) continue;
    fmt::print("{}{}", known && verdict != all_verdicts.front() ? "\n" : "", explain(verdict));
    known = true;
  }
  if (known) return exit_ok;
  std::ifstream file(what);
  if (!file) {
    std::string names;
    for (const Verdict verdict : all_verdicts) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", verdict_name(verdict));
    }
    return fail({ErrorKind::usage, fmt::format("{}: no verdict ({}), and no file: {}", what, names,
                                               std::strerror(errno))});
  }
  return explain_report(file, what);
}

}  // namespace coroscope
