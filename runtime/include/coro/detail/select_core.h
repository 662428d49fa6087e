// SPDX-License-Identifier: Apache-2.0
// select without the types of what is sent and received. Not for use by programs;
// see select.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "coro/abi.h"
#include "coro/detail/async.h"
#include "coro/detail/timer_entry.h"
#include "coro/detail/wait_list.h"

namespace coro::detail {

class ChannelCore;
class ContextCore;
class SchedulerCore;
class SpinLock;

// SelectCase is one send, receive or end of a context. It begins with what is
// published while the select waits.
struct SelectCase : coro_select_case {
  void* slot = nullptr;                          // send: the value; receive: the optional to fill
  void (*clear)(void* slot) noexcept = nullptr;  // empties it, if it may be full
  Waiter waiter;
  std::uint32_t poll_place = 0;  // a permutation: the number of the case to look at n-th
  std::uint32_t lock_place = 0;  // and of the one to lock n-th

  static SelectCase send(ChannelCore* channel, void* value) noexcept;
  static SelectCase receive(ChannelCore* channel, void* result) noexcept;
  static SelectCase done(ContextCore* context) noexcept;
};

// Select is one select on its way: poll(); if nothing is ready, enqueue(), park,
// release() once the context is saved; finish() when woken. As Go's: it looks at
// the cases, and enters their wait lists, with all their locks held, taken by
// address; whichever event comes first claims the selection.
class Select {
 public:
  static constexpr std::size_t timed_out = ~std::size_t{0};
  static constexpr std::size_t none = timed_out - 1;

  // `deadline` as of Timers; never: none.
  Select(std::span<SelectCase> cases, std::uint64_t deadline) noexcept
      : cases_(cases), deadline_(deadline) {}
  ~Select();
  Select(const Select&) = delete;
  Select& operator=(const Select&) = delete;

  // True: decided, nothing is locked. False: nothing is ready; all is locked if it is
  // to wait, on the scheduler's time, else nothing. Fair among what is ready.
  bool poll(SchedulerCore* waits_on);
  void enqueue(Coroutine& self) noexcept;
  // A Commit's function: `select` may be gone when it returns.
  static void release(void* select) noexcept;
  void finish() noexcept;  // does nothing unless it waited

  // The case that was decided for, timed_out, or none. `closed`: its channel was
  // closed: there was nothing to receive, or a send failed.
  [[nodiscard]] std::size_t chosen() const noexcept { return chosen_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }

  // What to park with: for any other reason the only case's object.
  [[nodiscard]] const void* published(coro_reason reason) const noexcept {
    return reason == CORO_REASON_SELECT ? &published_
                                        : reinterpret_cast<const void*>(cases_[0].object);
  }

 private:
  void shuffle(std::uint64_t random) noexcept;
  void order_locks();
  void lock_all() noexcept;
  static void unlock_all(std::span<SelectCase> cases) noexcept;
  bool try_case(std::size_t number, Waiter*& partner);

  std::span<SelectCase> cases_;
  std::uint64_t deadline_;
  std::size_t chosen_ = none;
  bool closed_ = false;
  bool waiting_ = false;
  Selection selection_;
  TimerEntry timer_;
  coro_select published_{};
};

// A blocking select of a fiber. `or_else`: there is a default case; then it does not
// wait, and may be anywhere; else throws UsageError outside of a coroutine and in a
// task.
void run_select(Select& select, bool or_else, coro_reason reason = CORO_REASON_SELECT);
// The same in a task; false: it need not wait. finish() when it has waited.
bool suspend_select(Select& select, SuspendedTask self, bool or_else,
                    coro_reason reason = CORO_REASON_SELECT) noexcept;

// The deadline for a duration from now, by the running coroutine's clock.
std::uint64_t select_deadline(std::chrono::nanoseconds duration);
std::uint64_t select_deadline(std::chrono::steady_clock::time_point time) noexcept;
[[noreturn]] void select_for_ever();
[[noreturn]] void throw_closed_send();

}  // namespace coro::detail
