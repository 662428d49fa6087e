// SPDX-License-Identifier: Apache-2.0
// What an event costs a target on this host, measured on probes of our own.
#pragma once

#include "util/result.h"

namespace coroscope {

// ProbeCosts are nanoseconds an event, of the thread on which it happens; medians of rounds.
struct ProbeCosts {
  double birth_ns = 0;    // spawn or exit, one by one: a trap, and the program that counts
  double wait_ns = 0;     // park or unpark, one by one
  double batched_ns = 0;  // in batches: what the kernel does, a trap for each batch included
  double written_ns = 0;  // in batches: reading the clock and writing the event down
};

// Attaches the programs to probes of this process, passes them, and checks that all was
// counted. Takes half a second. Errors: environment.
Result<ProbeCosts> measure_probe_costs();

}  // namespace coroscope
