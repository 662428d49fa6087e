// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstdint>

#include "proc/memory.h"
#include "targets/coro/table_reader.h"

namespace coroscope::coro {

// Reads what a coroutine's header leads to. `read` gets the header, reads, and
// returns something that converts to bool; that is kept only if the header, read
// again, has not moved meanwhile. False (or nothing) if `read` says so, if the
// coroutine is not there any more, or if it moves each time.
template <typename Read>
auto read_guarded(const Memory& memory, uint64_t header_address, uint64_t id, Read&& read)
    -> decltype(read(coro_header{})) {
  constexpr int tries = 8;
  for (int i = 0; i < tries; ++i) {
    coro_header before{};
    coro_header after{};
    if (!memory.read_value(header_address, &before)) return {};
    if (before.sequence % 2 != 0) continue;
    if (before.id != id || !is_well_formed(before)) return {};
    auto result = read(before);
    if (!memory.read_value(header_address, &after)) return {};
    if (is_whole(before, after)) return result;
  }
  return {};
}

}  // namespace coroscope::coro
