// SPDX-License-Identifier: Apache-2.0
// The history as JSON, as the daemon answers it and as `coroscope history --json` prints it.
// Times are seconds since 1970. README.md of the project has the fields.
#pragma once

#include <string>
#include <vector>

#include "history/query.h"

namespace coroscope::history {

// Each returns one object with its newline.
std::string services_json(const std::vector<KnownService>& services);
std::string window_json(const Window& window);
std::string moment_json(const Moment& moment);

// "handle orders.cpp:24": where the program was, of frames as JSON; empty if they tell nothing.
std::string top_of(const std::string& frames);

}  // namespace coroscope::history
