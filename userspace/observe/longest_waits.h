// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "detect/report.h"
#include "model/records.h"
#include "observe/stack_names.h"

namespace coroscope {

// Where the time was spent waiting: those places where it was most, and the rest together.
// `parks` is by the target's own stack id; what was counted of a sample is for all, as in
// `account`, which has all waits.
ReportedWaits longest_waits(const std::vector<ParkCounters>& parks, const Account& account,
                            StackNames& names);

}  // namespace coroscope
