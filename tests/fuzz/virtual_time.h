// SPDX-License-Identifier: Apache-2.0
// Time as the reader sees it passes only when it reads, looks at the clock or
// sleeps: a fuzz run waits for nothing, and the same input takes the same time.
#pragma once

#include <cstdint>

namespace coroscope::fuzz {

void spend(uint64_t ns);

}  // namespace coroscope::fuzz
