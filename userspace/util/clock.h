// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <cstdint>

namespace coroscope {

inline uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// The clock that targets and BPF programs use too.
inline uint64_t monotonic_ns() {
  return clock_ns(CLOCK_MONOTONIC);
}

// Since 1970: for people, never to measure with.
inline uint64_t unix_ns() {
  return clock_ns(CLOCK_REALTIME);
}

}  // namespace coroscope
