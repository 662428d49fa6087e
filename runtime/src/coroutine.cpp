// SPDX-License-Identifier: Apache-2.0
// What a coroutine may do to itself: yield, sleep, ask for its identity.

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

void throw_in_task() {
  throw UsageError(
      "a blocking call of the coroutine runtime was made in a coro::Task, where it would block the "
      "worker: co_await its async_ form there");
}

void throw_no_fiber(const Coroutine* self) {
  if (self == nullptr) throw_outside();
  throw_in_task();
}

Commit arming(TimerEntry& timer) noexcept {
  const auto arm = [](void* argument) noexcept {
    auto& entry = *static_cast<TimerEntry*>(argument);
    entry.coroutine->scheduler->arm(entry);
  };
  return {.run = arm, .argument = &timer};
}

}  // namespace detail

void yield() {
  detail::Worker::leave(detail::running_fiber(), detail::Leave::yield);
}

bool detail::AsyncYield::suspend(SuspendedTask self) noexcept {
  return Worker::yield_task(*self.coroutine, self.innermost);
}

std::uint64_t current_id() noexcept {
  detail::Coroutine* self = detail::current_coroutine();
  return self == nullptr ? 0 : detail::get(self->header->id);
}

std::chrono::steady_clock::time_point now() noexcept {
  const detail::Coroutine* self = detail::current_coroutine();
  const std::uint64_t time = self == nullptr ? detail::exact_now() : self->scheduler->now();
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(time));
}

void sleep_for(std::chrono::nanoseconds duration) {
  if (duration.count() <= 0) return yield();
  detail::Fiber& self = detail::this_fiber();
  detail::TimerEntry timer;
  timer.deadline = self.scheduler->deadline_after(duration);
  timer.coroutine = &self;
  detail::park(self, CORO_REASON_SLEEP, nullptr, detail::arming(timer));
}

bool detail::AsyncSleep::suspend(SuspendedTask self) noexcept {
  if (duration_.count() <= 0) return Worker::yield_task(*self.coroutine, self.innermost);
  SchedulerCore& scheduler = *self.coroutine->scheduler;
  timer_.deadline = scheduler.deadline_after(duration_);
  timer_.coroutine = self.coroutine;
  park_task(self, CORO_REASON_SLEEP, nullptr);
  scheduler.arm(timer_);
  return true;
}

detail::AsyncSleep::~AsyncSleep() {
  // Armed still: destroyed with its scheduler.
  if (timer_.armed) timer_.coroutine->scheduler->timers().cancel(timer_);
}

}  // namespace coro
