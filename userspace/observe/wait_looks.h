// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>

#include "detect/stuck.h"
#include "model/records.h"
#include "proc/thread_waits.h"
#include "targets/target.h"

namespace coroscope {

// Of one population, and of all together, so many coroutines are looked at. Those of
// a population are the same at each look, as long as they are there.
inline constexpr size_t most_of_a_place = 32;
inline constexpr size_t most_looked_at = 2048;

// Asked only if every coroutine waits.
using AskThreads = std::function<std::optional<ThreadWaits>()>;

// Looks at what some of each population wait on, whom they wait for, and so on: right
// after the census, so that most are in the same wait still.
WaitLook look_at_waits(const Target& target, const Census& census, const AskThreads& ask = {});

}  // namespace coroscope
