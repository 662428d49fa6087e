// SPDX-License-Identifier: Apache-2.0
#include "coro/context.h"

#include <algorithm>

#include "context_core.h"
#include "deterministic.h"
#include "park.h"
#include "scheduler_core.h"

namespace coro {
namespace detail {
namespace {

// Whose end is the context's; nullptr: it never ends.
ContextCore* source_of(const ContextReference& reference) noexcept {
  return reference.get() == nullptr ? nullptr : reference.get()->source();
}

SchedulerCore& running_scheduler() {
  const Coroutine* self = current_coroutine();
  if (self == nullptr) {
    throw UsageError(
        "coro: a context with a deadline was made outside of a coroutine, whose scheduler would "
        "keep the time: make it in a function that Scheduler::run, Scheduler::go or coro::go runs");
  }
  return *self->scheduler;
}

std::uint64_t nanoseconds_of(std::chrono::steady_clock::time_point time) noexcept {
  const auto count = std::chrono::nanoseconds(time.time_since_epoch()).count();
  return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0)), Timers::never - 1);
}

}  // namespace

void retain(ContextCore& context) noexcept {
  context.retain();
}

void release(ContextCore& context) noexcept {
  context.release();
}

ContextCore* core_of(const Context& context) noexcept {
  return source_of(context.core_);
}

}  // namespace detail

using detail::ContextCore;
using detail::ContextReference;

ContextError Context::error() const noexcept {
  detail::looking_point();
  const ContextCore* source = detail::source_of(core_);
  return source == nullptr ? ContextError::none : source->error();
}

std::exception_ptr Context::cause() const {
  const ContextError how = error();
  if (how == ContextError::none) return nullptr;
  if (const std::exception_ptr& given = detail::source_of(core_)->cause()) return given;
  try {
    check();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

void Context::check() const {
  switch (error()) {
    case ContextError::none:
      return;
    case ContextError::canceled:
      throw Canceled("coro: the context was cancelled");
    case ContextError::deadline_exceeded:
      throw DeadlineExceeded("coro: the context's deadline has passed");
  }
}

void Context::wait() const {
  ContextCore* source = detail::source_of(core_);
  if (source == nullptr) {
    detail::park_forever(detail::this_fiber(), CORO_REASON_CHAN_RECEIVE_NIL);
  }
  source->wait();
}

Context::AsyncWait::~AsyncWait() {
  if (!listed) return;
  ContextCore& source = *detail::source_of(core_);
  source.wait_lock().lock();
  source.remove_waiter(*this);
  source.wait_lock().unlock();
}

bool Context::AsyncWait::suspend(detail::SuspendedTask self) noexcept {
  ContextCore* source = detail::source_of(core_);
  if (source == nullptr) {
    detail::park_task(self, CORO_REASON_CHAN_RECEIVE_NIL, nullptr);
    return true;
  }
  detail::SpinLock& lock = source->wait_lock();
  lock.lock();
  if (source->ended()) {
    lock.unlock();
    return false;
  }
  coroutine = self.coroutine;
  source->add_waiter(*this);
  detail::park_task(self, CORO_REASON_CHAN_RECEIVE, source);
  lock.unlock();
  return true;
}

std::optional<std::chrono::steady_clock::time_point> Context::deadline() const noexcept {
  const ContextCore* source = detail::source_of(core_);
  if (source == nullptr || source->deadline() == detail::Timers::never) return std::nullopt;
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(source->deadline()));
}

const void* Context::object() const noexcept {
  return detail::source_of(core_);
}

const void* Context::find(const void* key) const noexcept {
  return core_.get() == nullptr ? nullptr : core_.get()->find(key);
}

Context Context::make_value(const Context& parent, const void* key,
                            std::shared_ptr<const void> value) {
  return Context(ContextReference(new ContextCore(parent.core_.get(), key, std::move(value))));
}

CancelableContext Context::make(const Context& parent, const std::uint64_t* deadline_ns) {
  detail::SchedulerCore* scheduler =
      deadline_ns != nullptr ? &detail::running_scheduler() : nullptr;
  const ContextReference core(new ContextCore(parent.core_.get()));
  core.get()->attach();
  // A parent that ends earlier keeps the time for both.
  if (scheduler != nullptr && *deadline_ns < core.get()->deadline()) {
    core.get()->arm(*scheduler, *deadline_ns);
  }
  return {Context(core), Cancel(core)};
}

CancelableContext with_cancel(const Context& parent) {
  return Context::make(parent, nullptr);
}

CancelableContext with_timeout(const Context& parent, std::chrono::nanoseconds duration) {
  const std::uint64_t deadline = detail::running_scheduler().deadline_after(duration);
  return Context::make(parent, &deadline);
}

CancelableContext with_deadline(const Context& parent,
                                std::chrono::steady_clock::time_point deadline) {
  const std::uint64_t deadline_ns = detail::nanoseconds_of(deadline);
  return Context::make(parent, &deadline_ns);
}

void Cancel::operator()(std::exception_ptr cause) const noexcept {
  if (core_.get() == nullptr) return;
  detail::scheduling_point();
  core_.get()->end(ContextError::canceled, cause);
}

}  // namespace coro
