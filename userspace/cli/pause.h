// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "util/fd.h"
#include "util/result.h"

namespace coroscope {

// The time between two looks: 10 ms at least.
Result<uint64_t> parse_interval(const std::string& text);

// When to look next, `interval_ns` after `next_ns`: after a slow look it is a
// multiple of the interval again.
uint64_t next_look(uint64_t next_ns, uint64_t interval_ns);

// Waits until `until_ns` (CLOCK_MONOTONIC), a signal, or the end of a process. Of
// `pidfds` those below 0 are of nobody.
enum class Woken { by_time, by_signal, by_target };
Woken pause_until(uint64_t until_ns, const Fd& signals, std::span<const int> pidfds);

}  // namespace coroscope
