// SPDX-License-Identifier: Apache-2.0
#include "coro/condition.h"

#include <algorithm>
#include <type_traits>

#include "acquire.h"
#include "coro/detail/timed_waiter.h"
#include "coro/error.h"
#include "deterministic.h"
#include "park.h"
#include "scheduler_core.h"

namespace coro {

using detail::Waiter;
using std::chrono::nanoseconds;

namespace {

Mutex& mutex_of(const std::unique_lock<Mutex>& lock) {
  if (!lock.owns_lock()) {
    throw UsageError("coro: a wait for a Condition with a lock that does not hold its Mutex");
  }
  return *lock.mutex();
}

}  // namespace

Condition::~Condition() {
  static_assert(std::is_standard_layout_v<Condition>, "object_ has to lie at offset 0");
  object_.magic = 0;
}

// The condition's lock is held until the waiter is parked, so nobody can change what
// the mutex guards and notify the others before.
bool Condition::begin_wait(Waiter& waiter, Mutex& mutex) noexcept {
  Waiter* next = nullptr;
  if (!mutex.release(next)) return false;
  waiters_.push(waiter);
  object_.waiting_receivers = waiters_.size();
  if (next != nullptr) detail::unpark(*next->coroutine);
  return true;
}

void Condition::withdraw(Waiter& waiter) noexcept {
  const std::lock_guard guard(lock_);
  waiters_.remove(waiter);
  object_.waiting_receivers = waiters_.size();
}

bool Condition::wait_notified(std::unique_lock<Mutex>& lock, const nanoseconds* duration) {
  Mutex& mutex = mutex_of(lock);
  detail::Fiber& self = detail::this_fiber();
  detail::TimedWaiter waiter;
  waiter.coroutine = &self;
  if (duration != nullptr) waiter.set(self, *duration);
  lock_.lock();
  if (!begin_wait(waiter, mutex)) {
    lock_.unlock();
    Mutex::throw_unlocked();
  }
  bool notified = true;
  if (duration == nullptr) {
    detail::park(self, CORO_REASON_COND_WAIT, this, lock_);
  } else {
    waiter.park(self, CORO_REASON_COND_WAIT, this, lock_);
    notified = waiter.was_first();
    if (!notified) withdraw(waiter);
  }
  mutex.lock();
  return notified;
}

void Condition::wait(std::unique_lock<Mutex>& lock) {
  wait_notified(lock, nullptr);
}

std::cv_status Condition::wait_for(std::unique_lock<Mutex>& lock, nanoseconds duration) {
  return wait_notified(lock, &duration) ? std::cv_status::no_timeout : std::cv_status::timeout;
}

// The wait of a task, up to the moment when it has to lock the mutex again.
class [[nodiscard]] Condition::AsyncNotified : public detail::AsyncForm, detail::TimedWaiter {
 public:
  AsyncNotified(Condition& condition, Mutex& mutex, const nanoseconds* duration) noexcept
      : condition_(condition), mutex_(mutex), duration_(duration) {}

  ~AsyncNotified() {
    if (!waiting_) return;  // else it is destroyed in its wait
    if (duration_ != nullptr) cancel_timer();
    condition_.withdraw(*this);
  }

  bool suspend(detail::SuspendedTask self) noexcept {
    Condition& condition = condition_;
    coroutine = self.coroutine;
    if (duration_ != nullptr) set(*self.coroutine, *duration_);
    condition.lock_.lock();
    waiting_ = condition.begin_wait(*this, mutex_);
    if (!waiting_) {
      condition.lock_.unlock();
      return false;
    }
    if (duration_ != nullptr) {
      TimedWaiter::park_task(self, CORO_REASON_COND_WAIT, &condition, condition.lock_);
    } else {
      detail::park_task(self, CORO_REASON_COND_WAIT, &condition);
      condition.lock_.unlock();  // *this may be gone
    }
    return true;
  }

  bool await_resume() {
    if (!waiting_) Mutex::throw_unlocked();
    waiting_ = false;
    if (duration_ == nullptr || was_first()) return true;
    condition_.withdraw(*this);
    return false;
  }

 private:
  Condition& condition_;
  Mutex& mutex_;
  const nanoseconds* duration_;  // nullptr: for ever
  bool waiting_ = false;
};

// While it waits, the lock has no mutex: the task may be destroyed with it.
Task<> Condition::async_wait(std::unique_lock<Mutex>& lock) {
  Mutex& mutex = mutex_of(lock);
  lock.release();
  co_await AsyncNotified(*this, mutex, nullptr);
  co_await mutex.async_lock();
  lock = std::unique_lock(mutex, std::adopt_lock);
}

Task<std::cv_status> Condition::async_wait_for(std::unique_lock<Mutex>& lock,
                                               nanoseconds duration) {
  Mutex& mutex = mutex_of(lock);
  lock.release();
  const bool notified = co_await AsyncNotified(*this, mutex, &duration);
  co_await mutex.async_lock();
  lock = std::unique_lock(mutex, std::adopt_lock);
  co_return notified ? std::cv_status::no_timeout : std::cv_status::timeout;
}

Condition::Deadline::Deadline(nanoseconds duration) {
  const detail::Coroutine* self = detail::current_coroutine();
  if (self == nullptr) detail::throw_outside();
  deadline_ = self->scheduler->deadline_after(duration);
}

nanoseconds Condition::Deadline::left() const {
  const std::uint64_t now = detail::current_coroutine()->scheduler->now();
  const std::uint64_t left = deadline_ - std::min(now, deadline_);
  return nanoseconds(static_cast<std::int64_t>(
      std::min(left, static_cast<std::uint64_t>(nanoseconds::max().count()))));
}

void Condition::notify_one() noexcept {
  detail::scheduling_point();
  Waiter* waiter = nullptr;
  {
    const std::lock_guard guard(lock_);
    waiter = waiters_.pop();
    object_.waiting_receivers = waiters_.size();
  }
  if (waiter != nullptr) detail::unpark(*waiter->coroutine);
}

void Condition::notify_all() noexcept {
  detail::scheduling_point();
  detail::WaiterChain woken;
  {
    const std::lock_guard guard(lock_);
    while (Waiter* waiter = waiters_.pop()) woken.push(*waiter);
    object_.waiting_receivers = 0;
  }
  woken.wake();
}

}  // namespace coro
