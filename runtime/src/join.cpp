// SPDX-License-Identifier: Apache-2.0
#include "coro/join.h"

#include <cstddef>
#include <mutex>

#include "annotation.h"
#include "coro/error.h"
#include "coro/go.h"
#include "coro/start.h"
#include "deterministic.h"
#include "park.h"
#include "scheduler_core.h"
#include "unhandled.h"

namespace coro::detail {

JoinCore::JoinCore(void (*destroy)(JoinCore*) noexcept, Handler on_exception)
    : object_(new_object(CORO_OBJECT_JOIN)),
      destroy_(destroy),
      on_exception_(std::move(on_exception)) {
// Not of standard layout, because of std::function; the compilers place it so.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
  static_assert(offsetof(JoinCore, object_) == 0, "published by the address of the whole");
#pragma GCC diagnostic pop
}

void JoinCore::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy_(this);
}

void JoinCore::set_id(std::uint64_t id) noexcept {
  const std::lock_guard guard(lock_);
  object_.holder = id;
}

std::uint64_t JoinCore::id() const noexcept {
  const std::lock_guard guard(lock_);
  return object_.holder;
}

bool JoinCore::ended() const noexcept {
  looking_point();
  const std::lock_guard guard(lock_);
  return object_.closed != 0;
}

bool JoinCore::takes_no_exception() noexcept {
  if (on_exception_ != nullptr || unhandled_exception_handler() != nullptr) return false;
  const std::lock_guard guard(lock_);
  return abandoned_;
}

void JoinCore::complete(std::exception_ptr error) noexcept {
  if (error != nullptr) {
    const FailedCoroutine self = failed_coroutine();
    failure_ = {.error = std::move(error),
                .name = std::string(self.name),
                .parent_id = self.parent_id,
                .spawn_stack_id = self.spawn_stack_id};
  }
  Cancel notify;
  Waiter* waiting = nullptr;
  bool nobody = false;
  {
    const std::lock_guard guard(lock_);
    object_.closed = 1;
    object_.waiting_receivers = 0;
    waiting = waiters_.take_all();
    nobody = abandoned_;
    if (done_) notify = done_->cancel;
  }
  while (waiting != nullptr) {
    Waiter* next = waiting->next;
    unpark(*waiting->coroutine);
    waiting = next;
  }
  notify();
  if (nobody && failure_.error != nullptr) report(failure_);
}

void JoinCore::report(const Failure& failure) noexcept {
  if (on_exception_ != nullptr) {
    on_exception_(failure.error);
    return;
  }
  unhandled_exception(failure.error, {.id = id(),
                                      .parent_id = failure.parent_id,
                                      .spawn_stack_id = failure.spawn_stack_id,
                                      .name = failure.name});
}

void JoinCore::abandon() noexcept {
  bool nobody = false;
  {
    const std::lock_guard guard(lock_);
    abandoned_ = true;
    nobody = object_.closed != 0 && !taken_;
  }
  if (nobody && failure_.error != nullptr) report(failure_);
  release();
}

void JoinCore::take() {
  {
    const std::lock_guard guard(lock_);
    if (taken_) {
      throw UsageError("coro: a coroutine was joined twice: its result or exception goes to one");
    }
    taken_ = true;
  }
  if (failure_.error != nullptr) std::rethrow_exception(std::move(failure_.error));
}

void JoinCore::check_other() const {
  if (id() == current_id()) {
    throw UsageError("coro: a coroutine joins itself, and would wait for ever");
  }
}

void JoinCore::wait() {
  Fiber& self = this_fiber();
  check_other();
  lock_.lock();
  if (object_.closed != 0) {
    lock_.unlock();
    return;
  }
  Waiter waiter;
  waiter.coroutine = &self;
  waiters_.push(waiter);
  object_.waiting_receivers = waiters_.size();
  park(self, CORO_REASON_JOIN, this, lock_);
}

namespace {

// Once the timer is armed the waiter may go on, but not past its lock.
struct ArmAndUnlock {
  SchedulerCore* scheduler;
  TimerEntry* timer;
  SpinLock* lock;

  static void run(void* argument) noexcept {
    const ArmAndUnlock self = *static_cast<ArmAndUnlock*>(argument);
    self.scheduler->arm(*self.timer);
    self.lock->unlock();
  }
};

}  // namespace

bool JoinCore::wait_for(std::chrono::nanoseconds duration) {
  Fiber& self = this_fiber();
  check_other();
  SchedulerCore& scheduler = *self.scheduler;
  Selection selection;
  TimerEntry timer;
  timer.deadline = scheduler.deadline_after(duration);
  timer.coroutine = &self;
  timer.selection = &selection;
  Waiter waiter;
  waiter.coroutine = &self;
  waiter.selection = &selection;
  lock_.lock();
  if (object_.closed != 0 || duration.count() <= 0) {
    const bool ended = object_.closed != 0;
    lock_.unlock();
    return ended;
  }
  waiters_.push(waiter);
  object_.waiting_receivers = waiters_.size();
  ArmAndUnlock commit{.scheduler = &scheduler, .timer = &timer, .lock = &lock_};
  park(self, CORO_REASON_JOIN, this, Commit{.run = &ArmAndUnlock::run, .argument = &commit});
  lock_.lock();
  waiters_.remove(waiter);
  object_.waiting_receivers = waiters_.size();
  const bool ended = object_.closed != 0;
  lock_.unlock();
  scheduler.timers().cancel(timer);
  return ended;
}

bool JoinCore::AsyncWait::suspend(SuspendedTask self) noexcept {
  JoinCore& core = core_;
  core.lock_.lock();
  if (core.object_.closed != 0) {
    core.lock_.unlock();
    return false;
  }
  coroutine = self.coroutine;
  core.waiters_.push(*this);
  core.object_.waiting_receivers = core.waiters_.size();
  park_task(self, CORO_REASON_JOIN, &core);
  core.lock_.unlock();
  return true;
}

JoinCore::AsyncWait::~AsyncWait() {
  if (!listed) return;
  const std::lock_guard guard(core_.lock_);
  core_.waiters_.remove(*this);
  core_.object_.waiting_receivers = core_.waiters_.size();
}

Context JoinCore::done() {
  {
    const std::lock_guard guard(lock_);
    if (done_) return done_->context;
  }
  CancelableContext made = with_cancel(Context::background());
  Cancel ended;
  Context context;
  {
    const std::lock_guard guard(lock_);
    if (!done_) done_ = made;
    if (object_.closed != 0) ended = done_->cancel;
    context = done_->context;
  }
  ended();
  return context;
}

void throw_no_join() {
  throw UsageError("coro: a Join that stands for no coroutine was used: it is empty or moved from");
}

AnnotationReference::AnnotationReference(const StartOptions& options)
    : annotation_(annotate_child(options.name, options.labels)) {}

AnnotationReference::~AnnotationReference() {
  if (annotation_ != nullptr) annotation_->release();
}

CancelableContext started_context(const Context& context, const StartOptions& options) {
  if (options.timeout.count() <= 0) return {context, Cancel()};
  return with_timeout(context, options.timeout);
}

JoinCore::Handler started_handler(const StartOptions& options) {
  return options.on_exception;
}

}  // namespace coro::detail
