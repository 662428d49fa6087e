// SPDX-License-Identifier: Apache-2.0
#include "virtual_time.h"

#include <time.h>

#include <algorithm>
#include <atomic>

namespace {

std::atomic<uint64_t> now_ns{1'000'000'000'000};

constexpr uint64_t second = 1'000'000'000;
constexpr uint64_t ns_of_a_call = 100;
// As on a host under load. Who waits for a header that never settles looks at it
// some dozen times, not thousands.
constexpr uint64_t least_sleep_ns = second / 10;

}  // namespace

namespace coroscope::fuzz {

void spend(uint64_t ns) {
  now_ns.fetch_add(ns, std::memory_order_relaxed);
}

}  // namespace coroscope::fuzz

// The linker gives these to the observer's code instead of the real ones (--wrap).
extern "C" {

int __real_clock_gettime(clockid_t clock, timespec* now);
int __wrap_clock_gettime(clockid_t clock, timespec* now);
int __wrap_nanosleep(const timespec* wanted, timespec* left);
int __wrap_sched_yield();

int __wrap_clock_gettime(clockid_t clock, timespec* now) {
  if (clock != CLOCK_MONOTONIC) return __real_clock_gettime(clock, now);
  coroscope::fuzz::spend(ns_of_a_call);
  const uint64_t ns = now_ns.load(std::memory_order_relaxed);
  *now = {static_cast<time_t>(ns / second), static_cast<long>(ns % second)};
  return 0;
}

int __wrap_nanosleep(const timespec* wanted, timespec*) {
  const uint64_t ns =
      static_cast<uint64_t>(wanted->tv_sec) * second + static_cast<uint64_t>(wanted->tv_nsec);
  coroscope::fuzz::spend(std::max(ns, least_sleep_ns));
  return 0;
}

int __wrap_sched_yield() {
  coroscope::fuzz::spend(ns_of_a_call);
  return 0;
}
}
