// SPDX-License-Identifier: Apache-2.0
// What the target says is missing for a wait to end, in words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/populations.h"
#include "targets/target.h"

namespace coroscope {

// The act that is missing, as far as the waited object tells; else "".
// `reason` is the target's name for why it waits.
std::string missing_act(const Target& target, const std::string& reason, uint64_t object,
                        uint64_t now_ns);

// The cases of the select that a coroutine waits in, a line each; none if it
// does not wait in one.
std::vector<std::string> select_cases(const Target& target, const MemberPlace& member,
                                      uint64_t now_ns);

}  // namespace coroscope
