// SPDX-License-Identifier: Apache-2.0
// Reads what the runtime publishes, as an observer would, but in this process.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "coro/abi.h"

// A consistent copy of a header; nullopt if a writer was in the way for long.
std::optional<coro_header> read_header(coro_header& header);

// All headers in all slabs.
std::vector<coro_header*> all_headers();

// The header of a coroutine, nullptr if there is none.
coro_header* find_header(std::uint64_t id);

// Blocks until the coroutine's state is the one given. Fails the test after a
// long time.
coro_header wait_for_state(std::uint64_t id, coro_state state);

const coro_stack_entry& interned_stack(std::uint32_t stack_id);

// The frames of an interned stack, innermost first.
std::vector<std::uint64_t> interned_frames(std::uint32_t stack_id);
