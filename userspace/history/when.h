// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "history/history.h"
#include "util/result.h"

namespace coroscope::history {

// A time as a person writes it: "now", "2h" or "30m" (ago), "3d" (days ago), "03:00" (the last
// time that it was), "2026-11-21", "2026-11-21 03:00" or with seconds, of this host's time zone;
// with a Z behind it UTC; or seconds since 1970, as "@1763694000". Error: usage.
Result<Time> parse_when(const std::string& text, Time now);

// "2026-11-21 03:00:00", of this host's time zone.
std::string format_when(Time time);

}  // namespace coroscope::history
