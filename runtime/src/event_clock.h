// SPDX-License-Identifier: Apache-2.0
// The clock of a worker's events. To read CLOCK_MONOTONIC is most of what an event costs;
// where the kernel tells that by the processor's counter of cycles, so do we, and read the
// kernel's only so often that the two stay together.
#pragma once

#include <algorithm>
#include <cstdint>

#include "clock.h"
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace coro::detail {

// EventClock is one worker's, and for the thread that has the worker.
//
// Nanoseconds of CLOCK_MONOTONIC, told by a line through the last two times that both the
// clock and the counter were read: off by less than a microsecond, or by a tenth of
// `together_ns` while the kernel changes how fast its clock goes by as much as it can (10 %,
// adjtimex(2)). The counter is read without a fence, so a moment may also be that of some
// instructions earlier.
class EventClock {
 public:
  // For so long after it was read the kernel's clock is not read again.
  static constexpr std::uint64_t together_ns = 1'000'000;

  EventClock() noexcept;

  // Not before `earliest`, nor before what it told last.
  std::uint64_t now(std::uint64_t earliest) noexcept {
    last_ = std::max({last_, earliest, told()});
    return last_;
  }

  // Whether it is the counter that tells the time, when it was last asked.
  [[nodiscard]] bool counts_cycles() const noexcept { return good_for_ != 0; }

 private:
  // Nanoseconds for each cycle, times 2^shift.
  static constexpr unsigned shift = 32;

  std::uint64_t told() noexcept {
#if defined(__x86_64__)
    const std::uint64_t cycles = __rdtsc() - known_cycles_;
    if (cycles < good_for_) [[likely]]
      return known_ns_ + (cycles * ns_per_cycle_ >> shift);
#endif
    return read();
  }
  std::uint64_t read() noexcept;
  void put_together(std::uint64_t cycles, std::uint64_t ns) noexcept;
  [[nodiscard]] bool is_plausible(std::uint64_t cycles, std::uint64_t ns) const noexcept;

  std::uint64_t last_ = 0;
  std::uint64_t known_cycles_ = 0;  // at known_ns_, the latest time that both were read
  std::uint64_t known_ns_ = 0;      // 0: never
  std::uint64_t good_for_ = 0;      // cycles from known_cycles_ on
  std::uint64_t ns_per_cycle_ = 0;
  unsigned doubts_ = 0;
  bool trusted_;
};

}  // namespace coro::detail
