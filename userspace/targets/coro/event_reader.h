// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <vector>

#include "model/records.h"
#include "proc/memory.h"

namespace coroscope::coro {

// Whether what the kernel would be handed is what it reads.
bool hands_over_batches(const coro_descriptor& descriptor);

// WorkerPlace is a worker that is published.
struct WorkerPlace {
  uint64_t address = 0;  // of its coro_worker
  coro_worker worker{};
};

// Reads what the rings of these workers hold, the oldest and what is torn left out.
// `descriptor` says that there are some. Numbers and addresses are the target's: a hostile
// one gets what it says, in bounded time.
EventRings read_rings(const Memory& memory, const coro_descriptor& descriptor,
                      const std::vector<WorkerPlace>& places);

}  // namespace coroscope::coro
