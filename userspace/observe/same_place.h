// SPDX-License-Identifier: Apache-2.0
// Places of a program that a reader can not tell apart: a compiler may make several addresses
// of one line.
#pragma once

#include <vector>

#include "detect/findings.h"
#include "detect/report.h"

namespace coroscope {

// Whether the program's own lines of both are the same; what is the runtime's is left out.
bool is_same_place(const ReportedStack& a, const ReportedStack& b);

// Tells a leak once that was found at several addresses of the same lines: the one that grows
// most takes in the numbers of the others, which are removed. `reported` has the findings in
// words, one for each, in the same order, by growth.
void fold_same_places(std::vector<Finding>& findings, std::vector<ReportedFinding>& reported);

}  // namespace coroscope
