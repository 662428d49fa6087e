// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "detect/ignore.h"
#include "model/dump_diff.h"

namespace coroscope {

// Takes the changes out that a rule matches, and returns what each rule took: of a change the
// coroutines that there are, or were, if that is more. A label counts if all members that were
// asked have it; they are only asked if a rule wants to know.
std::vector<IgnoredRow> ignore_changes(const std::vector<IgnoreRule>& rules, DumpDetails& before,
                                       DumpDetails& after, DumpDiff& diff);

}  // namespace coroscope
