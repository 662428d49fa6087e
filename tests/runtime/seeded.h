// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "coro/scheduler.h"
#include "sanitizer.h"

// How many seeds a check of many gets. ThreadSanitizer takes long for a coroutine.
inline constexpr unsigned check_seeds = CORO_TSAN ? 200 : 2000;

// Options of a deterministic scheduler that has to end empty.
inline coro::SchedulerOptions seeded(std::uint64_t seed, double switch_probability = 0.5) {
  return {
      .require_empty = true,
      .deterministic = coro::Deterministic{.seed = seed, .switch_probability = switch_probability}};
}
