// SPDX-License-Identifier: Apache-2.0
// What a coroutine may do to itself: yield, sleep, ask for its identity.
#include <algorithm>

#include "coro/error.h"
#include "coro/go.h"
#include "coro/time.h"
#include "lifecycle.h"
#include "park.h"
#include "scheduler_core.h"

namespace coro {
namespace detail {

void throw_outside() {
  throw UsageError(
      "a blocking call of the coroutine runtime was made outside of a coroutine: make it in a "
      "function that Scheduler::run, Scheduler::go or coro::go runs");
}

}  // namespace detail

void yield() {
  detail::Fiber* self = detail::current_fiber();
  if (self == nullptr) [[unlikely]]
    detail::throw_outside();
  detail::Worker::leave(*self, detail::Leave::yield);
}

std::uint64_t current_id() noexcept {
  detail::Fiber* self = detail::current_fiber();
  return self == nullptr ? 0 : detail::get(self->header->id);
}

void sleep_for(std::chrono::nanoseconds duration) {
  if (duration.count() <= 0) return yield();
  const std::uint64_t now = detail::exact_now();
  const auto span = static_cast<std::uint64_t>(duration.count());
  detail::Fiber& self = detail::prepare_park();
  detail::SchedulerCore& scheduler = *self.scheduler;
  // The largest deadline means "none" in the heap.
  const std::uint64_t deadline = std::min(now + span, detail::Timers::never - 1);
  if (scheduler.timers().add(deadline, self)) scheduler.poller().interrupt();
  detail::park(self, CORO_REASON_SLEEP, nullptr);
}

}  // namespace coro
