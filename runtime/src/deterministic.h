// SPDX-License-Identifier: Apache-2.0
// Deterministic schedulers (SchedulerOptions::deterministic). Their one worker
// finds its next coroutine by find_chosen() and leaves the running one at
// scheduling points: in this_fiber(), with which every wait of a fiber begins, in
// each co_await of an async form, and wherever scheduling_point() or looking_point()
// is called. All come before any lock is taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "coro/detail/async.h"
#include "coro/scheduler.h"
#include "coroutine.h"

namespace coro::detail {

class SchedulerCore;

// A task's co_await that others were let run before.
struct PostponedForm {
  bool (*suspend)(void* form, SuspendedTask self) noexcept;
  void* form;
};

// DeterministicState is what such a scheduler has besides. For its worker's thread.
class DeterministicState {
 public:
  // Throws UsageError if the options make no sense.
  explicit DeterministicState(const Deterministic& options);
  ~DeterministicState();
  DeterministicState(const DeterministicState&) = delete;
  DeterministicState& operator=(const DeterministicState&) = delete;

  // Whether to leave the running coroutine at a scheduling point.
  [[nodiscard]] bool switches(std::uint64_t random) const noexcept {
    return (random >> 32) < threshold_;
  }

  // Takes one of the runnable coroutines, of which there have to be some.
  Coroutine* take(std::uint32_t index) noexcept;

  const std::uint64_t seed;
  // Virtual, in nanoseconds. It does not begin at 0, which means "none" as a deadline.
  std::uint64_t now = 1'000'000'000;
  // In an order that follows from what the program did, not from where it lies.
  std::vector<Coroutine*> runnable;
  // Calls of yield() since anything else happened: a program that only yields,
  // and looks, waits for time to pass.
  std::uint64_t idle_yields = 0;
  std::unordered_map<const Coroutine*, PostponedForm> postponed;
  std::uint32_t looks_left = 0;         // until the sockets are looked at again
  std::optional<std::string> deadlock;  // what Deadlock says; nothing runs any more

 private:
  const std::uint64_t threshold_;  // of 2^32
};

// What Deadlock says of a scheduler none of whose coroutines will ever run.
std::string describe_deadlock(SchedulerCore& scheduler);

// How many deterministic schedulers there are in the process.
extern std::atomic<std::uint32_t> deterministic_schedulers __attribute__((visibility("hidden")));

void scheduling_point_slow() noexcept;
void looking_point_slow() noexcept;
void note_progress_slow() noexcept;

// For operations that never wait but that others may see the effect of: lets
// others run first, in a fiber of a deterministic scheduler.
inline void scheduling_point() noexcept {
  if (deterministic_schedulers.load(std::memory_order_relaxed) != 0) [[unlikely]]
    scheduling_point_slow();
}

// The same for operations that only see what others did, and for those that try:
// a program may repeat them until time has passed.
inline void looking_point() noexcept {
  if (deterministic_schedulers.load(std::memory_order_relaxed) != 0) [[unlikely]]
    looking_point_slow();
}

// For a try that had success.
inline void note_progress() noexcept {
  if (deterministic_schedulers.load(std::memory_order_relaxed) != 0) [[unlikely]]
    note_progress_slow();
}

}  // namespace coro::detail
