// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "util/result.h"

namespace coroscope::daemon {

// A profile of all coroutines of a process, in pprof's format: gzip-compressed profile.proto.
// Looks at the process anew, apart from the observation that goes on. Errors: as of
// Observation::open; target_gone if `pid` is another process than began at `start_ticks`.
Result<std::string> take_profile(pid_t pid, uint64_t start_ticks);

}  // namespace coroscope::daemon
