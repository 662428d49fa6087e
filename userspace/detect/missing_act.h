// SPDX-License-Identifier: Apache-2.0
// What is missing for a wait to end, in words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/wait_object.h"

namespace coroscope {

// The act that is missing, as far as the waited object tells; else "". `reason` is
// the target's name for why it waits.
std::string missing_act(const WaitObject& object, const std::string& reason, uint64_t now_ns);

// The cases of a select, a line each, with what each misses.
std::vector<std::string> case_lines(const Select& select, uint64_t now_ns);

}  // namespace coroscope
