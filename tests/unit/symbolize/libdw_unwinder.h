// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "parked_target.h"

namespace coroscope {

// The stack as elfutils' own unwinder sees it: innermost first, the first pc
// exact, the others return addresses. Empty if it can not.
std::vector<uint64_t> unwind_with_libdw(const ParkedTarget& target,
                                        const std::vector<std::byte>& stack);

}  // namespace coroscope
