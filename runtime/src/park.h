// SPDX-License-Identifier: Apache-2.0
// How a coroutine waits. Every primitive is built from these:
//
//   Fiber& self = this_fiber();
//   take the object's lock; put self into its wait list
//   park(self, reason, object, lock);      // returns once somebody unparked it
//
// and on the other side, after taking the waiter off the list under the lock:
//
//   unpark(coroutine);
//
// The lock is released when the fiber's context is saved: whoever finds it in the
// list finds it parked. A task is suspended before it enters a list, so it calls
// park_task and then releases the lock itself.
#pragma once

#include <cstdint>

#include "coro/abi.h"
#include "coro/detail/async.h"
#include "coro/detail/spin_lock.h"
#include "fiber.h"
#include "lifecycle.h"
#include "timers.h"
#include "worker.h"

namespace coro::detail {

// Throw UsageError: a blocking call outside of a coroutine; in a task; whichever
// it is if `self` is running.
[[noreturn]] void throw_outside();
[[noreturn]] void throw_in_task();
[[noreturn]] void throw_no_fiber(const Coroutine* self);

// The running coroutine, or nullptr outside of one.
inline Coroutine* current_coroutine() noexcept {
  Worker* worker = current_worker();
  return worker == nullptr ? nullptr : worker->current();
}

// The running fiber. Throws UsageError outside of coroutines, and in a task.
[[gnu::always_inline]] inline Fiber& running_fiber(const Worker* worker = current_worker()) {
  Coroutine* self = worker == nullptr ? nullptr : worker->current();
  if (self == nullptr || self->resume != nullptr) [[unlikely]]
    throw_no_fiber(self);
  return static_cast<Fiber&>(*self);
}

// The same, for operations that may wait: each calls it first, before it takes a
// lock, also when it will not have to wait. A deterministic scheduler lets others
// run here.
[[gnu::always_inline]] inline Fiber& this_fiber() {
  Worker* worker = current_worker();
  Fiber& self = running_fiber(worker);
  if (worker->deterministic()) [[unlikely]]
    worker->point(self);
  return self;
}

// errno of the calling thread. Use it wherever a wait may come between two reads:
// the compiler may keep the address that is behind the macro across a switch.
int thread_errno() noexcept;

// Waits. May continue on another thread.
[[gnu::always_inline]] inline void park(Fiber& self, coro_reason reason, const void* object,
                                        Commit commit) noexcept {
  publish_parking(*self.header, reason, object);
  Worker::leave(self, Leave::park, commit);
}
[[gnu::always_inline]] inline void park(Fiber& self, coro_reason reason, const void* object,
                                        SpinLock& held) noexcept {
  park(self, reason, object, Commit{.run = nullptr, .argument = &held});
}
// Arms the timer, which wakes its coroutine.
Commit arming(TimerEntry& timer) noexcept;

[[noreturn]] void park_forever(Fiber& self, coro_reason reason) noexcept;

// The same for a suspended task whose innermost coro_await is at `saved`.
inline void park_task(Coroutine& self, const void* saved, coro_reason reason,
                      const void* object) noexcept {
  publish_parking(*self.header, reason, object);
  publish_saved(*self.header, saved, CORO_STATE_PARKED);
}

inline void park_task(const SuspendedTask& self, coro_reason reason, const void* object) noexcept {
  park_task(*self.coroutine, self.innermost, reason, object);
}

// Wakes a parked coroutine. From any thread, in a coroutine or not; `waker_id` as
// in the probe, that of the calling coroutine unless given.
void unpark(Coroutine& coroutine, std::uint64_t waker_id) noexcept;
inline void unpark(Coroutine& coroutine) noexcept {
  Worker* worker = current_worker();
  const Coroutine* waker = worker == nullptr ? nullptr : worker->current();
  if (waker == nullptr || &worker->scheduler() != coroutine.scheduler) [[unlikely]] {
    unpark(coroutine, waker == nullptr ? 0 : get(waker->header->id));
    return;
  }
  publish_unpark(*coroutine.header, get(waker->header->id));
  worker->push(coroutine);
}

}  // namespace coro::detail
