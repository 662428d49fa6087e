// SPDX-License-Identifier: Apache-2.0
// Verdicts on what grew between two dumps of one process: the same tests as of a watch,
// fed with two looks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "detect/judge.h"
#include "model/dump_diff.h"

namespace coroscope {

struct DiffVerdicts {
  // Of each of DumpDiff::changes, in their order; nothing of what did not grow.
  std::vector<std::optional<Judgement>> of;
  // Why there is none of those that grew, in words; empty if there is, or if none did.
  std::string not_judged;
  std::vector<std::string> remarks;  // what a reader has to know to trust them

  const Judgement* of_change(size_t change) const { return of[change] ? &*of[change] : nullptr; }
};

// Pure: the time between the two is what they say of themselves.
DiffVerdicts judge(const DumpDiff& diff, const JudgeRules& rules = {});

}  // namespace coroscope
