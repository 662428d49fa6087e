// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/ledger.h"

namespace coroscope {

// Of the completeness, what a verdict needs, if the user does not say otherwise. A leak of a
// tenth of what comes and goes is still seen through a loss of a twentieth.
inline constexpr double default_completeness_floor = 0.95;

// What could be done so that less is lost: about the cause of most of it. Empty if nothing was.
std::string what_would_help(const Losses& losses);

}  // namespace coroscope
