// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "util/result.h"

namespace coroscope {

// A process number as a person types it; anything else is a usage error.
Result<pid_t> parse_pid(const std::string& text);

}  // namespace coroscope
