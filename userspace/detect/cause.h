// SPDX-License-Identifier: Apache-2.0
// Why the members of a population are still there, in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "detect/running.h"
#include "detect/stuck.h"

namespace coroscope {

// Cause is what is missing, what speaks for it, and what usually repairs it.
struct Cause {
  std::string act;                    // "no receiver"; "" if nothing tells
  std::vector<std::string> evidence;  // of what is inferred, not known, it says so
  std::string fix;                    // usual ones; "" if there are none
};

// `object` is what the example of the population waits on, if that could be read,
// `waits` what the looks at some of its members tell, if there were any.
Cause find_cause(const std::string& reason, const WaitObject* object, const PlaceWaits* waits,
                 uint64_t now_ns);

// Of one that runs, or could run, for too long. `uses_processor`: whether it was seen to.
Cause find_cause(const Overdue& overdue, std::optional<bool> uses_processor);

}  // namespace coroscope
