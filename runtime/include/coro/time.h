// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace coro {

// sleep_for parks the calling coroutine for at least `duration`, on
// CLOCK_MONOTONIC with nanosecond resolution; a duration of zero or less is a
// yield(). Coroutines with one deadline wake in the order in which they went to
// sleep, if one worker runs them. Throws UsageError outside of a coroutine.
void sleep_for(std::chrono::nanoseconds duration);

}  // namespace coro
