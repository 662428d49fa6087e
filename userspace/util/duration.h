// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace coroscope {

// parse_duration reads what a person types: "30s", "1.5m", "500ms", "1m30s".
// Units are ns, us, ms, s, m, h, each at most once and in falling order. The
// result is always greater than zero; anything else is a usage error.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// format_duration is for people: "250 ns", "4.2 ms", "31.0 s", "2m05s", "3h20m".
std::string format_duration(std::chrono::nanoseconds duration);
std::string format_ns(uint64_t duration);

}  // namespace coroscope
