// SPDX-License-Identifier: Apache-2.0
// One simulated group under the detectors.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "detect/judge.h"
#include "loads.h"

namespace coroscope::accuracy {

using Loads = std::vector<std::unique_ptr<Load>>;

// Trial is what one run showed.
struct Trial {
  std::optional<uint64_t> alarm;  // the second of the first leak
  Judgement judgement;            // that it was
  uint64_t looks = 0;
};

// Groups that are assumed to be followed beside this one: evidence has to be the stronger
// for it.
inline constexpr double groups_beside = 100;

// Runs loads together for so many seconds after `attach`, when the watch begins; a look a
// second. Ends at the first alarm.
Trial run(const Loads& loads, uint64_t seed, uint64_t seconds, uint64_t attach);

}  // namespace coroscope::accuracy
