// SPDX-License-Identifier: Apache-2.0
// Tells which seed ran if the process dies in one, where nothing can be thrown.
#pragma once

#include <cstdint>

namespace coro::testing {

// While there is one, stderr is told of the seeds that run when a signal ends the
// process, or std::terminate or the report of a sanitizer does; what would have
// happened without it happens then. One for each call of explore().
class DyingSeedReporter {
 public:
  DyingSeedReporter();
  ~DyingSeedReporter();
  DyingSeedReporter(const DyingSeedReporter&) = delete;
  DyingSeedReporter& operator=(const DyingSeedReporter&) = delete;
};

// A seed that runs.
class RunningSeed {
 public:
  explicit RunningSeed(std::uint64_t seed) noexcept;
  ~RunningSeed();
  RunningSeed(const RunningSeed&) = delete;
  RunningSeed& operator=(const RunningSeed&) = delete;

 private:
  struct Slot;
  Slot* slot_ = nullptr;  // nullptr: too many run, this one is not told
  friend void report_running_seeds() noexcept;
  static Slot slots[];
};

// Each once. Async-signal-safe.
void report_running_seeds() noexcept;

}  // namespace coro::testing
