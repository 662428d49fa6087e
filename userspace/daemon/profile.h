// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "util/result.h"

namespace coroscope::daemon {

// The forms that Go's net/http/pprof has, by its parameter `debug`.
enum class ProfileForm {
  proto,       // 0: gzip-compressed profile.proto, for pprof
  groups,      // 1: text, those at the same stacks together
  coroutines,  // 2: text, each on its own
};
std::optional<ProfileForm> profile_form(std::string_view debug);

// All coroutines of a process. Looks at it anew, apart from the observation that goes on. Errors:
// as of Observation::open; target_gone if `pid` is another process than began at `start_ticks`.
Result<std::string> take_profile(pid_t pid, uint64_t start_ticks, ProfileForm form);

// Waits; false if it was told to end meanwhile, or nobody wants to know any more.
using Wait = std::function<bool(uint64_t ns)>;

// What is other after `seconds`, for pprof. Looks at it twice, and calls `wait` in between. Errors:
// as above; environment if the wait was ended. `looking` is held for each look, not for the wait.
Result<std::string> take_change(pid_t pid, uint64_t start_ticks, uint64_t seconds, const Wait& wait,
                                std::mutex& looking);

}  // namespace coroscope::daemon
