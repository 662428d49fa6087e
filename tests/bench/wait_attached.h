// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace coro_bench {

// With CORO_BENCH_WAIT_ATTACHED in the environment, waits until somebody has
// attached to all events. False, with a message, if nobody did in 30 s.
bool wait_attached_if_asked();

}  // namespace coro_bench
