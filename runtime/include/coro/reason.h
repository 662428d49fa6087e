// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "coro/abi.h"

namespace coro {

// The name of a wait reason, as Go spells it: "chan send", "sync.WaitGroup.Wait".
// "" for CORO_REASON_NONE, "unknown" for a number that this version does not know.
[[nodiscard]] std::string_view reason_name(std::uint32_t reason) noexcept;

}  // namespace coro
