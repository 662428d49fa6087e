// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "observe/observation.h"

namespace coroscope {

// What --probes, --sample and --parked-stacks ask for. Errors: usage.
Result<ProbeWish> parse_probe_wish(const std::string& probes, const std::string& sample,
                                   bool parked_stacks);

}  // namespace coroscope
