// SPDX-License-Identifier: Apache-2.0
// Who is left in a process, for `verify`.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "detect/ignore.h"
#include "detect/leftovers.h"
#include "observe/observation.h"

namespace coroscope {

struct LeftoverQuestion {
  const std::vector<IgnoreRule>& ignored;
  // Who is none of the command's: those with these ids, or born before then.
  const std::unordered_set<uint64_t>* before = nullptr;
  uint64_t born_after_ns = 0;
  // Nothing in the process runs any more: who ran is told apart.
  bool at_end = false;
};

// Looks once, and counts in `rows`, one for each rule, what was ignored. Error: target_gone.
Result<LeftProcess> find_leftovers(Observation& observation, const LeftoverQuestion& question,
                                   std::vector<IgnoredRow>& rows);

}  // namespace coroscope
