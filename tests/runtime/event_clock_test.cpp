// SPDX-License-Identifier: Apache-2.0
// The clock of events beside the kernel's.
#include "event_clock.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "clock.h"

namespace {

using coro::detail::EventClock;
using coro::detail::exact_now;

// By so much may it be off while somebody changes how fast the kernel's clock goes (PROBES.md).
constexpr std::uint64_t off_ns = EventClock::together_ns / 10;

bool kernel_counts_cycles() {
#if defined(__x86_64__)
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string name;
  return static_cast<bool>(std::getline(file, name)) && name == "tsc";
#else
  return false;
#endif
}

// Calls f(what the clock told) until the kernel's clock went on by `length_ns`.
template <class F>
void compare(EventClock& clock, std::uint64_t length_ns, F f) {
  const std::uint64_t begin = exact_now();
  std::uint64_t last = 0;
  for (std::uint64_t after = begin; after - begin < length_ns;) {
    const std::uint64_t before = exact_now();
    const std::uint64_t told = clock.now(0);
    after = exact_now();
    ASSERT_GE(told + off_ns, before);
    ASSERT_LE(told, after + off_ns);
    ASSERT_GE(told, last);
    last = told;
    f(told);
  }
}

TEST(EventClock, StaysTogetherWithTheKernels) {
  EventClock clock;
  std::uint64_t by_cycles = 0;
  compare(clock, 100'000'000, [&](std::uint64_t) { by_cycles += clock.counts_cycles(); });
  EXPECT_EQ(by_cycles > 0, kernel_counts_cycles());
}

TEST(EventClock, ComesBackFromALongPause) {
  EventClock clock;
  for (int pause = 0; pause < 3; ++pause) {
    compare(clock, 5'000'000, [](std::uint64_t) {});
    const std::uint64_t begin = exact_now();
    while (exact_now() - begin < 30'000'000) {
    }
  }
}

TEST(EventClock, TellsNothingBeforeWhatItIsGivenOrToldLast) {
  EventClock clock;
  const std::uint64_t ahead = exact_now() + 3'600'000'000'000;
  EXPECT_EQ(clock.now(ahead), ahead);
  EXPECT_EQ(clock.now(0), ahead);
  EXPECT_EQ(clock.now(ahead + 1), ahead + 1);
}

}  // namespace
