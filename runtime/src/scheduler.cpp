// SPDX-License-Identifier: Apache-2.0
#include "coro/scheduler.h"

#include <string>

#include "coro/error.h"
#include "leaks.h"
#include "park.h"
#include "scheduler_core.h"

namespace coro {

Scheduler::Scheduler(const SchedulerOptions& options)
    : core_(std::make_unique<detail::SchedulerCore>(options)) {}

Scheduler::~Scheduler() {
  detail::keep_leftovers(core_);
}

void Scheduler::wait_empty() {
  detail::require_outside("coro::Scheduler::wait_empty");
  core_->wait_empty();
}

std::uint64_t Scheduler::live() const noexcept {
  return core_->live();
}

unsigned Scheduler::workers() const noexcept {
  return static_cast<unsigned>(core_->workers().size());
}

unsigned Scheduler::idle_workers() const noexcept {
  return core_->idle();
}

namespace detail {

void Completion::set(std::exception_ptr error) noexcept {
  // Notified under the lock: the waiter destroys this object once it has seen it.
  const std::lock_guard lock(mutex_);
  error_ = std::move(error);
  done_ = true;
  condition_.notify_one();
}

void Completion::wait(SchedulerCore& scheduler) {
  if (scheduler.runs_here()) {
    const auto is_done = [](void* self) { return static_cast<Completion*>(self)->done_; };
    scheduler.run_here(is_done, this);
  } else {
    std::unique_lock lock(mutex_);
    condition_.wait(lock, [this] { return done_; });
  }
  if (error_ != nullptr) std::rethrow_exception(error_);
}

void require_outside(const char* what) {
  if (current_coroutine() != nullptr) {
    throw UsageError(std::string(what) + " would block a worker: not to be called in a coroutine");
  }
}

}  // namespace detail
}  // namespace coro
