// SPDX-License-Identifier: Apache-2.0
// What the programs of the gallery share: flags, a light load, an orderly end.
#pragma once

#include <chrono>

namespace gallery {

// Whether this run shows the fixed form (--fixed) or the leaky one (--leak, the
// default). Set before the first coroutine runs, and never again.
inline bool fixed = false;

// The time between two rounds of the load, as --rate has it.
[[nodiscard]] std::chrono::nanoseconds round_time() noexcept;

// Case is what one program shows.
struct Case {
  // One round of the load: a request comes in, a tick, a batch. Runs in the load's
  // own coroutine, --rate times a second, so it must not wait for long; whatever
  // may wait for ever it starts as a coroutine.
  void (*round)() = nullptr;

  // Runs once before the first round, in the same coroutine. May be missing.
  void (*start)() = nullptr;

  // Fewer workers are refused: a case may keep one of them busy for good.
  unsigned least_workers = 1;
};

// Does as the flags say: prints "ready pid N" once `start` has returned, makes
// rounds until SIGINT, SIGTERM or the end of --for, and leaves, with the exit code
// for main to return: 0; 2 after one line on stderr if the arguments are bad.
//
// When the time is over it ends the process without ending the scheduler: what is
// stuck is stuck, and one of the cases never gives its worker back.
int run(int argc, char** argv, const Case& shown);

}  // namespace gallery
