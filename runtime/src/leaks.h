// SPDX-License-Identifier: Apache-2.0
// What a scheduler that ends does for testing::LeakWatch.
#pragma once

#include <memory>

namespace coro::detail {

class SchedulerCore;

// Whether anybody wants to know.
[[nodiscard]] bool leaks_watched() noexcept;

// Gives the coroutines that are left the time to end that the watches' options say,
// unless all of them are ignored.
void await_leftovers(const SchedulerCore& scheduler) noexcept;

// Tells the watches who is left; nothing runs any more.
void record_leftovers(SchedulerCore& scheduler) noexcept;

// Takes a scheduler that ends over if coroutines are left and CORO_KEEP_LEFTOVERS is set.
void keep_leftovers(std::unique_ptr<SchedulerCore>& scheduler) noexcept;

}  // namespace coro::detail
