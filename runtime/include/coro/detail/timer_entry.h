// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "coro/detail/wait_list.h"

namespace coro::detail {

// TimerEntry is one armed timer. It belongs to whoever armed it, who keeps it in
// place until it has expired or was cancelled.
struct TimerEntry {
  std::uint64_t deadline = 0;
  // What happens when it expires. Either a coroutine is woken, if no other event
  // of its selection came first (nullptr: it waits for nothing else) ...
  Coroutine* coroutine = nullptr;
  Selection* selection = nullptr;
  // ... or, without a coroutine: retain(entry) is called with the timers locked,
  // and later fire(entry) without, on a worker, not in a coroutine.
  void (*retain)(TimerEntry&) noexcept = nullptr;
  void (*fire)(TimerEntry&) noexcept = nullptr;

  // The rest is the timers' own.
  std::uint64_t order = 0;
  TimerEntry* child = nullptr;     // of later deadlines: the first
  TimerEntry* sibling = nullptr;   // the next child of the same entry; or in a list
  TimerEntry* previous = nullptr;  // the sibling before, or the parent
  bool armed = false;
};

}  // namespace coro::detail
