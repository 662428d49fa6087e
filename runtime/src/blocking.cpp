// SPDX-License-Identifier: Apache-2.0
#include "coro/blocking.h"

#include <atomic>

#include "context.h"
#include "park.h"
#include "scheduler_core.h"

namespace coro::detail {
namespace {

struct BlockingCall {
  Fiber* self;
  void (*run)(void*) noexcept;
  void* argument;
  Carrier* spare;  // waits for our worker; nullptr: we keep it
  Carrier* left;   // ours, when our worker is gone
};

// Below the saved context, which an observer may unwind as long as this runs.
void run_saved(void* argument, void* saved_sp) {
  auto& call = *static_cast<BlockingCall*>(argument);
  publish_saved(*call.self->header, saved_sp, CORO_STATE_SYSCALL);
  Worker& worker = *current_worker();
  if (call.spare == nullptr) {
    worker.set_current(nullptr);
    call.run(call.argument);
    worker.set_current(call.self);
  } else {
    call.left = &worker.detach();
    call.spare->give(worker);
    call.run(call.argument);
  }
}

// To the loop of our thread, which makes us runnable.
[[gnu::always_inline]] inline void rejoin(Fiber& self, Carrier& carrier) noexcept {
  self.leave = Leave::unblock;
  self.exceptions = *carrier.exceptions;
  carrier.unblocked = &self;
  self.sanitizer.leave_for(carrier.sanitizer);
  coro_switch(&self.saved_sp, carrier.saved_sp);
  Worker::arrive(self);
}

}  // namespace

void run_blocking(void (*run)(void*) noexcept, void* argument) {
  Fiber& self = this_fiber();
  SchedulerCore& scheduler = *self.scheduler;
  BlockingCall call{
      .self = &self, .run = run, .argument = argument, .spare = nullptr, .left = nullptr};
  if (!scheduler.runs_here()) call.spare = scheduler.take_spare();
  std::atomic_ref blocking(scheduler.figures().blocking);
  blocking.fetch_add(1, std::memory_order_relaxed);
  coro_call_saved(&call, &run_saved);
  blocking.fetch_sub(1, std::memory_order_relaxed);
  if (call.left != nullptr) {
    rejoin(self, *call.left);
  } else {
    publish_state(*self.header, CORO_STATE_RUNNING);
  }
}

}  // namespace coro::detail
