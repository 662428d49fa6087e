// SPDX-License-Identifier: Apache-2.0
// What the reader of a target promises of any memory: broken is a finding.
#pragma once

#include "image_input.h"
#include "model/records.h"
#include "targets/target.h"

namespace coroscope::fuzz {

// However many coroutines, stacks or links a target claims to have, no look at it
// takes longer: the limit of a census with stacks, and what is under way then.
inline constexpr uint64_t census_limit_ns = 15'000'000'000;

// What holds of a census, whatever was done to the memory meanwhile.
void check_census(const Census& census, bool with_stacks, const Target& target);
void check_headcount(const Headcount& count);

// And what holds if the memory stood still: both counted the same, and everybody
// alive at the time is a member or counted as lost.
void check_same(const Census& census, const Headcount& count);
void check_nobody_forgotten(const Census& census, const InputMemory& memory);
void check_members_equal(const Census& first, const Census& second);

}  // namespace coroscope::fuzz
