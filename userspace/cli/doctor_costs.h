// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/commands.h"

namespace coroscope {

// coroscope doctor PID: what each way to watch that process would cost on this host. It
// looks at the process for a second, and attaches to nothing but itself.
ExitCode tell_costs(const std::string& pid, bool json);

}  // namespace coroscope
