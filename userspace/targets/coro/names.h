// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace coroscope::coro {

// The name of a coro_reason, as Go prints it; "reason 37" for one that is newer
// than this observer.
std::string reason_name(uint32_t reason);

// Whether what one waits on for this reason may tell which coroutine it is up to:
// false only for those of which it is known that it never does.
bool may_wait_for_one(uint32_t reason);

}  // namespace coroscope::coro
