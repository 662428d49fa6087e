// SPDX-License-Identifier: Apache-2.0
#include "coro/group.h"

#include <cstdio>
#include <exception>
#include <mutex>
#include <utility>

#include "coro/error.h"
#include "park.h"

namespace coro {

Group::Group(const Context& parent) : made_(with_cancel(parent)) {}

// Outside of any coroutine, this may be part of a task that is left at the end of
// its scheduler, as the group's coroutines are: they never end.
Group::~Group() {
  const detail::Coroutine* self = detail::current_coroutine();
  if (self != nullptr && left_.count() != 0) {
    if (self->resume != nullptr) {
      std::fputs(
          "coro: a task destroyed a Group whose coroutines still run: co_await its "
          "async_wait() before\n",
          stderr);
      std::terminate();
    }
    made_.cancel();
    left_.wait();
  }
  made_.cancel();
}

void Group::set_limit(std::size_t most) {
  if (left_.count() != 0) {
    throw UsageError("coro: set_limit of a Group while its coroutines run: call it before go()");
  }
  limit_.emplace(most);
}

void Group::fail(std::exception_ptr error) noexcept {
  {
    const std::lock_guard guard(lock_);
    if (error_ != nullptr) return;
    error_ = error;
  }
  made_.cancel(std::move(error));
}

// Whoever waits may destroy the group at the end of this.
void Group::leave() noexcept {
  if (limit_) limit_->release();
  left_.done();
}

void Group::finish() {
  made_.cancel();
  std::exception_ptr error;
  {
    const std::lock_guard guard(lock_);
    error = error_;
  }
  if (error != nullptr) std::rethrow_exception(error);
}

void Group::wait() {
  left_.wait();
  finish();
}

Task<> Group::async_wait() {
  co_await left_.async_wait();
  finish();
}

}  // namespace coro
