// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace coro::detail {

// What is left until `deadline` on its clock; rounded up, so as not to be early.
template <class Clock, class Duration>
[[nodiscard]] std::chrono::nanoseconds time_left(
    const std::chrono::time_point<Clock, Duration>& deadline) {
  return std::chrono::ceil<std::chrono::nanoseconds>(deadline - Clock::now());
}

}  // namespace coro::detail
