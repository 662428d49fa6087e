// SPDX-License-Identifier: Apache-2.0
// What the target says of waits, in words.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "detect/cause.h"
#include "model/populations.h"
#include "model/reported.h"
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

// WaitWords is why the members of a place wait. The chain is of what is stuck: who waits for
// whom, a line each.
struct WaitWords {
  Cause cause;
  std::vector<std::string> chain;
};

// `object` is the address of what the example waits on, `waits` what the looks at some members
// tell; null if there were none.
struct FramesOf {
  std::function<ReportedStack(ParkedStack)> parked;
  std::function<ReportedStack(uint64_t)> call;  // by its return address
};
WaitWords describe_wait(const Target& target, const FramesOf& frames, const std::string& reason,
                        uint64_t object, const PlaceWaits* waits, uint64_t now_ns);

}  // namespace coroscope
