// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace coroscope::testing {

inline constexpr uint64_t second = 1'000'000'000;  // in ns

}  // namespace coroscope::testing
