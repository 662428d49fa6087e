// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <cstdint>

namespace coro::detail {

inline std::uint64_t read_clock(clockid_t clock) noexcept {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// Nanoseconds of CLOCK_MONOTONIC.
inline std::uint64_t exact_now() noexcept {
  return read_clock(CLOCK_MONOTONIC);
}

// The same clock as of the last kernel tick: never later than exact_now(), at
// most one tick earlier, and several times cheaper.
inline std::uint64_t coarse_now() noexcept {
  return read_clock(CLOCK_MONOTONIC_COARSE);
}

}  // namespace coro::detail
