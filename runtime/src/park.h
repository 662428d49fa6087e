// SPDX-License-Identifier: Apache-2.0
// How a coroutine waits. Every primitive is built from these:
//
//   Fiber& self = prepare_park();
//   put self into the object's wait list, under its lock; release the lock
//   park(self, reason, object);            // returns once somebody unparked it
//
// and on the other side, after taking the fiber off the wait list:
//
//   unpark(fiber);
//
// Each prepare_park is followed by exactly one park or cancel_park, each park by
// exactly one unpark, which may come before park is reached.
#pragma once

#include <cstdint>

#include "coro/abi.h"
#include "fiber.h"
#include "lifecycle.h"
#include "worker.h"

namespace coro::detail {

// The running coroutine's fiber, or nullptr outside of one.
Fiber* current_fiber() noexcept;

// errno of the calling thread. Use it wherever a wait may come between two reads:
// the compiler may keep the address that is behind the macro across a switch.
int thread_errno() noexcept;

// Throws UsageError: a blocking call outside of a coroutine.
[[noreturn]] void throw_outside();

// Announces that the calling coroutine is about to enter a wait list. Throws
// UsageError outside of a coroutine.
Fiber& prepare_park();

// Takes that back. The fiber must not have entered any wait list.
void cancel_park(Fiber& self) noexcept;

// Waits. May continue on another thread.
[[gnu::always_inline]] inline void park(Fiber& self, coro_reason reason,
                                        const void* object) noexcept {
  publish_parking(self, reason, object);
  Worker::leave(self, Leave::park);
}

// Wakes a fiber. From any thread, in a coroutine or not.
void unpark(Fiber& fiber) noexcept;

}  // namespace coro::detail
