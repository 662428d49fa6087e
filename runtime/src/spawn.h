// SPDX-License-Identifier: Apache-2.0
// What starting a fiber and starting a task have in common.
#pragma once

#include <cstdint>

#include "depot.h"
#include "worker.h"

namespace coro::detail {

std::uint64_t claim_ids(std::uint64_t count) noexcept;

// Where the stack of whoever runs now may be read.
StackBounds current_bounds(const Coroutine* running) noexcept;

// Walks the stack of `running`, which runs now, or of this thread if it is nullptr; says
// whether the walk came to an end too early.
void walk_running(const void* frame, const Coroutine* running, WalkedStack& stack) noexcept;

// The scheduler that coro::go starts on. Throws UsageError without a worker.
SchedulerCore& spawning_scheduler(Worker* worker);

}  // namespace coro::detail
