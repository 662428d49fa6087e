// SPDX-License-Identifier: Apache-2.0
// Detectors "busy" and "starved": who runs for too long without a wait or yield, and who
// could run for as long and is not run.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "detect/findings.h"
#include "model/populations.h"
#include "model/records.h"

namespace coroscope {

inline constexpr uint64_t default_busy_ns = 10'000'000'000;

// Overdue is a coroutine that has done the same for longer than one is patient.
struct Overdue {
  uint64_t id = 0;
  uint32_t slot = 0;
  PopulationKey place;
  ParkedStack goes_on_at = no_parked_stack;  // of one that could run, if that was read
  uint64_t for_ns = 0;                       // at least: it was first seen so long ago
  Verdict verdict = Verdict::busy;
};

// RunningDetector takes one census after the other. A coroutine whose revision is the
// same has not been anything else in between. Pure.
class RunningDetector {
 public:
  static constexpr size_t most_known = 65536;  // followed at a time

  explicit RunningDetector(uint64_t after_ns = default_busy_ns) : after_ns_(after_ns) {}

  // `stopped`: the process was not run at all since the census before, or may not have been.
  void check(const Census& census, bool stopped);
  // As of the last census, who has been so for longest first.
  const std::vector<Overdue>& overdue() const { return overdue_; }

 private:
  struct Known {
    uint32_t revision = 0;
    uint64_t since_ns = 0;
  };

  uint64_t after_ns_;
  std::unordered_map<uint64_t, Known> known_;  // by id
  std::vector<Overdue> overdue_;
};

// Of the populations that they are of.
void add_overdue(const std::vector<Overdue>& overdue, PlaceVerdicts& verdicts);

}  // namespace coroscope
