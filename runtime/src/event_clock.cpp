// SPDX-License-Identifier: Apache-2.0
#include "event_clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <optional>
#include <string_view>

namespace coro::detail {

#if defined(__x86_64__)
namespace {

// Whether CLOCK_MONOTONIC is the counter of cycles, on a scale: then the kernel has made sure
// that it goes evenly, and is the same on all processors. Where that can not be learned, it
// is not so.
bool kernel_counts_cycles() noexcept {
  const int file = ::open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                          O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  std::array<char, 16> text{};
  const ssize_t size = ::read(file, text.data(), text.size());
  ::close(file);
  return size > 0 && std::string_view(text.data(), static_cast<std::size_t>(size)) == "tsc\n";
}

struct Moment {
  std::uint64_t cycles;
  std::uint64_t ns;
};

// Both clocks at one moment; none if this thread did not keep its processor in between.
std::optional<Moment> both_clocks() noexcept {
  constexpr int tries = 4;
  constexpr std::uint64_t most_cycles = 1000;  // some 300 ns; to read one takes 20 to 30
  for (int i = 0; i < tries; ++i) {
    const std::uint64_t begin = __rdtsc();
    const std::uint64_t ns = exact_now();
    const std::uint64_t taken = __rdtsc() - begin;
    if (taken < most_cycles) return Moment{begin + taken / 2, ns};
  }
  return std::nullopt;
}

}  // namespace

EventClock::EventClock() noexcept {
  static const bool counts = kernel_counts_cycles();
  trusted_ = counts;
}

std::uint64_t EventClock::read() noexcept {
  if (!trusted_) return exact_now();
  const auto moment = both_clocks();
  if (!moment) return exact_now();
  put_together(moment->cycles, moment->ns);
  return moment->ns;
}

// Draws the line through this moment and the one that is known; or begins anew, if there is none
// or the two make no sense: the machine slept, or was moved to another host.
void EventClock::put_together(std::uint64_t cycles, std::uint64_t ns) noexcept {
  constexpr std::uint64_t long_ns = std::uint64_t{1} << shift;  // what is longer says less
  constexpr unsigned most_doubts = 8;
  const std::uint64_t passed_cycles = cycles - known_cycles_;
  const std::uint64_t passed_ns = ns - known_ns_;
  const bool known = known_ns_ != 0 && passed_ns < long_ns;
  // Too close to one another to draw a line through them.
  if (known && passed_ns < together_ns) return;
  good_for_ = 0;
  if (known && is_plausible(passed_cycles, passed_ns)) {
    ns_per_cycle_ = (passed_ns << shift) / passed_cycles;
    good_for_ = (together_ns << shift) / (ns_per_cycle_ + 1);
  } else {
    ns_per_cycle_ = 0;
    if (known && ++doubts_ == most_doubts) trusted_ = false;
  }
  known_cycles_ = cycles;
  known_ns_ = ns;
}

// A clock can be made to go by a tenth faster or slower.
bool EventClock::is_plausible(std::uint64_t cycles, std::uint64_t ns) const noexcept {
  constexpr std::uint64_t most_cycles_each_ns = 16;
  if (cycles == 0 || cycles / most_cycles_each_ns > ns) return false;
  if (ns_per_cycle_ == 0) return true;
  const double told =
      static_cast<double>(cycles) * static_cast<double>(ns_per_cycle_) / double{1ull << shift};
  return std::abs(told - static_cast<double>(ns)) < static_cast<double>(ns) / 4;
}
#else
EventClock::EventClock() noexcept : trusted_(false) {}

std::uint64_t EventClock::read() noexcept {
  return exact_now();
}
#endif

}  // namespace coro::detail
