// SPDX-License-Identifier: Apache-2.0
// What the parts of an event cost, each alone and in this process: prints "name,ns" lines.
// The clock, writing to a ring that nobody reads, the walk of a stack of 20 frames, finding
// that stack in the depot, and, where that is allowed, a trap into the kernel.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>

#include "at_depth.h"
#include "coro/scheduler.h"
#include "depot.h"
#include "event_clock.h"
#include "event_ring.h"
#include "lifecycle.h"
#include "park.h"
#include "spawn.h"
#include "trap_bench.h"

namespace {

namespace detail = coro::detail;

constexpr std::uint32_t walked_frames = 20;

std::uint64_t cpu_ns() {
  return detail::read_clock(CLOCK_THREAD_CPUTIME_ID);
}

// Prints the median of some slices: others may disturb a few of them.
template <class F>
void measure(const char* name, double seconds, F f) {
  std::array<double, 11> slices{};
  for (double& slice : slices) {
    const auto length = static_cast<std::uint64_t>(seconds * 1e9 / double{slices.size()});
    const std::uint64_t begin = cpu_ns();
    std::uint64_t count = 0;
    std::uint64_t taken = 0;
    for (; taken < length; taken = cpu_ns() - begin) {
      for (int i = 0; i < 10'000; ++i) f();
      count += 10'000;
    }
    slice = static_cast<double>(taken) / static_cast<double>(count);
  }
  std::ranges::sort(slices);
  std::printf("%s,%.3f\n", name, slices[slices.size() / 2]);
}

// What f gives is used, so it has to be computed.
template <class Value>
void use(Value value) {
  asm volatile("" ::"g"(value) : "memory");
}

void measure_clocks(double seconds) {
  measure("coarse_clock", seconds, [] { use(detail::coarse_now()); });
  measure("kernel_clock", seconds, [] { use(detail::exact_now()); });
  detail::EventClock clock;
  measure("clock", seconds, [&clock] { use(clock.now(1)); });
}

void measure_store(double seconds) {
  coro_worker published{};
  const auto ring = std::make_unique<detail::EventRing>(published);
  std::uint64_t id = 0;
  measure("store", seconds, [&] {
    ring->next() = {.id = ++id,
                    .stack_id = 1,
                    .sequence = 2,
                    .kind = CORO_EVENT_PARK,
                    .reason = CORO_REASON_CHAN_RECEIVE,
                    .parked_stack_id = 0,
                    .other = 3,
                    .value = 4,
                    .time_ns = 1};
    ring->add(1);
  });
}

detail::WalkedStack walk_from_here() {
  detail::WalkedStack stack;
  detail::walk_running(__builtin_frame_address(0), detail::current_coroutine(), stack);
  return stack;
}

void measure_stacks(double seconds) {
  int deeper = 0;
  auto find_depth = [&] { deeper = static_cast<int>(walked_frames - walk_from_here().depth); };
  coro_bench::at_depth(0, find_depth);
  auto walk_and_intern = [seconds] {
    const void* frame = __builtin_frame_address(0);
    const detail::Coroutine* self = detail::current_coroutine();
    detail::WalkedStack stack;
    measure("walk", seconds, [&] {
      detail::walk_running(frame, self, stack);
      use(stack.hash);
    });
    measure("intern", seconds, [&] { use(detail::depot().find_or_add(stack).id); });
    std::fprintf(stderr, "event_parts: walked %u frames\n", stack.depth);
  };
  coro_bench::at_depth(deeper, walk_and_intern);
}

void measure_trap(double seconds) {
  try {
    const coro_bench::Trap trap;
    measure("trap", seconds, [] { coro_bench::Trap::pass(); });
  } catch (const std::system_error& error) {
    std::fprintf(stderr, "event_parts: no trap: %s\n", error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc == 2 ? std::atof(argv[1]) : 0;
  if (seconds <= 0) {
    std::fputs("usage: event_parts SECONDS   (for each part)\n", stderr);
    return 2;
  }
  measure_clocks(seconds);
  measure_store(seconds);
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run([seconds] { measure_stacks(seconds); });
  measure_trap(seconds);
}
