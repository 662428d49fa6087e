// SPDX-License-Identifier: Apache-2.0
// many_stacks: each coroutine is started from a path of calls that no other was started from,
// so each has a spawn stack of its own.
//
// Prints `ready`. Lines on stdin, each answered by `done` once nothing moves any more:
//   start N  N coroutines that wait for ever
//   pass N   N coroutines that end at once
#include <chrono>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>

#include "coro/channel.h"
#include "coro/go.h"
#include "coro/scheduler.h"
#include "coro/time.h"

#if defined(__clang__)
#define ONE_FUNCTION __attribute__((noinline))
#else
#define ONE_FUNCTION __attribute__((noinline, noclone, noipa))
#endif

namespace {

constexpr int turns = 17;  // 2^17 paths

coro::Channel<int>& for_ever() {
  static auto* const kept = new coro::Channel<int>(0);
  return *kept;
}

void live(bool waits) {
  if (waits) static_cast<void>(for_ever().receive());
}

}  // namespace

ONE_FUNCTION void many_stacks_end(bool waits) {
  coro::go([waits] { live(waits); });
  asm volatile("" ::: "memory");  // no tail call
}

// A return address for each bit of the path. The texts keep the two calls apart.
ONE_FUNCTION void many_stacks_turn(unsigned path, int left, bool waits) {
  if (left == 0) {
    many_stacks_end(waits);
    asm volatile("# at the end" ::: "memory");
  } else if (path % 2 == 0) {
    many_stacks_turn(path / 2, left - 1, waits);
    asm volatile("# to the left" ::: "memory");
  } else {
    many_stacks_turn(path / 2, left - 1, waits);
    asm volatile("# to the right" ::: "memory");
  }
}

namespace {

// Lets those who end do so before there are too many.
void start(unsigned count, bool waits) {
  static unsigned path = 0;
  for (unsigned i = 0; i < count; ++i) {
    many_stacks_turn(path++, turns, waits);
    if (i % 256 == 255) coro::yield();
  }
}

}  // namespace

int main() {
  coro::Scheduler scheduler({.workers = 1});
  std::uint64_t kept = 0;
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    unsigned count = 0;
    words >> what >> count;
    const bool waits = what == "start";
    scheduler.go([count, waits] { start(count, waits); });
    if (waits) kept += count;
    // The one worker sleeps when nobody can run.
    while (scheduler.live() != kept || scheduler.idle_workers() != 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::cout << "done" << std::endl;
  }
  std::_Exit(0);  // what waits for ever waits for ever
}
