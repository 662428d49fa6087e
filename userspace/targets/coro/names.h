// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace coroscope::coro {

// The name of a coro_reason, as Go prints it; "reason 37" for one that is newer
// than this observer.
std::string reason_name(uint32_t reason);

}  // namespace coroscope::coro
