// SPDX-License-Identifier: Apache-2.0
// Where a coroutine waits, for who asks: as spawn stacks, by frame pointers, into the depot.
#pragma once

#include <cstdint>

#include "coro/abi.h"

namespace coro::detail {

// The id of the stack of the coroutine that is about to park, which runs now: from the
// caller of `frame` on. 0: of a task, which has no stack; or there is no room for it.
std::uint32_t intern_parked_stack(const coro_header& header, const void* frame) noexcept;

}  // namespace coro::detail
