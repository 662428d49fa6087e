// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstdint>

#include "model/records.h"
#include "targets/coro/table_reader.h"

namespace coroscope::coro {

// What a state is in terms that hold for every runtime.
Activity activity_of(uint32_t state);

// Adds everything alive to `count`. Spawn stacks of `stacks` and above count as
// not known. Keeps nothing of a coroutine, so an id that the table holds twice is
// counted twice. A large table is read by several threads. Returns its slots.
uint32_t count_table(const TableReader& table, uint32_t slabs, uint32_t stacks,
                     const ScanLimits& limits, Headcount& count);

}  // namespace coroscope::coro
