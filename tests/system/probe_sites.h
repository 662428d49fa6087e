// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace coroscope::testing {

// ProbeSite is a USDT site of provider "coro" as the target's notes give it.
struct ProbeSite {
  std::string name;
  uint64_t address = 0;  // in the running target
  uint64_t semaphore = 0;
};

// Of the main program of a process. Fails the test if there are not four at least.
std::vector<ProbeSite> probe_sites(pid_t pid);

// True if no probe is in the process: every site holds its nop, and every
// semaphore is 0.
bool untouched(pid_t pid, const std::vector<ProbeSite>& sites);

// Waits until untouched: the kernel takes probes out shortly after their owner ended.
bool becomes_untouched(pid_t pid, const std::vector<ProbeSite>& sites);

}  // namespace coroscope::testing
