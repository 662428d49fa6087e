// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "coro/detail/async.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/timer_entry.h"
#include "coro/detail/wait_list.h"
#include "coroutine.h"
#include "fiber.h"

namespace coro::detail {

class AsyncIoWait;

// IoSlot is one direction of a socket: where those who use it and the poller
// meet. Whoever wants to wait
//
//   1. notes events(), and then looks whether the socket is closed and at the
//      deadline,
//   2. tries the system call, and, if it would block,
//   3. waits, unless an event came since 1.
//
// Any number may wait; an event wakes all of them, and each tries again: with
// edge-triggered epoll nobody else would be woken for what one leaves behind.
class IoSlot {
 public:
  static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

  // Events so far. An event: the direction may have become ready, the socket was
  // closed, or the deadline was changed.
  [[nodiscard]] std::uint64_t events() const noexcept {
    return events_.load(std::memory_order_acquire);
  }

  // Until when one may wait, by the clock of the scheduler.
  [[nodiscard]] std::uint64_t deadline() const noexcept {
    return deadline_.load(std::memory_order_relaxed);
  }
  void set_deadline(std::uint64_t deadline, CoroutineList& woken) noexcept;

  // Parks the calling fiber until there is another event than the `seen` ones, or
  // the deadline has come. Spurious returns are possible.
  void wait(Fiber& self, std::uint64_t seen, std::uint64_t deadline, const void* object) noexcept;

  // There is an event. Adds whoever waited for it to `woken`, to be unparked.
  // `last`: more data may follow without another event.
  void signal(CoroutineList& woken, bool last = false) noexcept;

  // The same for all who wait, for whatever: the rules have changed.
  void signal_all(CoroutineList& woken) noexcept;

  // A read that took less than it could has emptied the socket: there is nothing
  // to read until the next event (epoll(7)), which saves trying.
  void set_drained(std::uint64_t seen) noexcept { drained_.store(seen, std::memory_order_relaxed); }
  [[nodiscard]] bool drained(std::uint64_t seen) const noexcept {
    return drained_.load(std::memory_order_relaxed) == seen &&
           !last_.load(std::memory_order_relaxed);
  }

  // The turn: who holds it does more than one call without others in between.
  // take_turn: false: another one has it; the caller has waited, as by wait(), and
  // tries again. `self` is nullptr outside of a coroutine: then it throws
  // UsageError where it would wait.
  bool take_turn(Coroutine* self, std::uint64_t seen, std::uint64_t deadline, const void* object);
  void end_turn() noexcept;

  // The same for tasks. False: it need not wait (any more).
  bool suspend(AsyncIoWait& wait, const SuspendedTask& self) noexcept;
  void end_wait(AsyncIoWait& wait) noexcept;

  // Forgets this coroutine, which waits, or has the turn, and will never run again.
  void forget(const Coroutine& coroutine) noexcept;

  // As new, for another descriptor. Events that are late do no harm.
  void reset() noexcept;

 private:
  void signal_locked(CoroutineList& woken) noexcept;
  bool park_in(WaitList& list, Fiber& self, std::uint64_t deadline, const void* object) noexcept;
  Coroutine* pass_turn() noexcept;

  SpinLock lock_;
  bool turn_taken_ = false;
  std::atomic<bool> last_{false};
  std::atomic<std::uint64_t> events_{1};
  std::atomic<std::uint64_t> drained_{0};
  std::atomic<std::uint64_t> deadline_{never};
  WaitList waiters_;
  WaitList queue_;                          // for the turn
  const Coroutine* turn_holder_ = nullptr;  // nullptr also: outside of a coroutine
};

// What there is to know about a wait: the events that were seen before the attempt
// that failed, the deadline, and what to publish as its object.
struct IoWait {
  std::uint64_t seen = 0;
  std::uint64_t deadline = IoSlot::never;
  const void* object = nullptr;
};

// co_await AsyncIoWait(slot, wait): IoSlot::wait() in a task; for the turn,
// take_turn(), and then its result says whether the task has it.
class [[nodiscard]] AsyncIoWait : public AsyncForm {
 public:
  enum class For : std::uint8_t { event, turn };

  AsyncIoWait(IoSlot& slot, const IoWait& wait, For what = For::event) noexcept
      : slot_(slot), wait_(wait), for_(what) {}
  ~AsyncIoWait() {
    if (waiting_) slot_.end_wait(*this);
    if (waiter_.completed && !resumed_) slot_.end_turn();  // destroyed with its scheduler
  }

  bool suspend(SuspendedTask self) noexcept { return slot_.suspend(*this, self); }
  bool await_resume() noexcept {
    resumed_ = true;
    return waiter_.completed;
  }

 private:
  friend class IoSlot;

  IoSlot& slot_;
  const IoWait wait_;
  const For for_;
  bool waiting_ = false;
  bool resumed_ = false;
  Waiter waiter_;
  Selection selection_;
  TimerEntry timer_;
};

}  // namespace coro::detail
