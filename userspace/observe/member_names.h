// SPDX-License-Identifier: Apache-2.0
// What the program calls the members of a population.
#pragma once

#include <span>

#include "detect/report.h"
#include "model/populations.h"
#include "targets/target.h"

namespace coroscope {

// Members of a population that are asked for their names.
inline constexpr size_t most_asked = 256;

// Counts the names and labels of these members, the most common first.
ReportedNames count_names(const Target& target, std::span<const MemberPlace> members);

}  // namespace coroscope
