// SPDX-License-Identifier: Apache-2.0
// The vitals of a process: what two looks at it, one after the other, tell.
#pragma once

#include <cstdint>
#include <optional>

#include "model/records.h"

namespace coroscope {

// VitalsSample is one look.
struct VitalsSample {
  uint64_t at_ns = 0;  // CLOCK_MONOTONIC, when the process's own figures were read
  Headcount count;
  uint32_t workers = 0;
  std::optional<Schedulers> schedulers;  // if the runtime publishes them
  // Of the whole process; nothing if the kernel did not tell.
  std::optional<uint64_t> cpu_ns;
  std::optional<uint64_t> threads;
  std::optional<uint64_t> resident_bytes;
};

// Vitals is what there is to show of it. What is not known is not there.
struct Vitals {
  uint64_t live = 0;
  uint64_t interval_ns = 0;         // since the look before; 0: there was none
  std::optional<double> cpus;       // used meanwhile: 1 is one of them all the time
  std::optional<double> spawns_ps;  // a second
  std::optional<double> exits_ps;
  std::optional<uint64_t> timers;  // armed, of all schedulers
};

// `before` is the look before, null if there was none.
Vitals vitals_of(const VitalsSample* before, const VitalsSample& now);

// SchedulerSums is all schedulers of a process as one.
struct SchedulerSums {
  uint64_t workers = 0;
  uint64_t idle = 0;
  uint64_t spinning = 0;
  uint64_t threads = 0;
  uint64_t queued = 0;    // in the global queues
  uint64_t blocking = 0;  // coroutines in blocking calls
  uint64_t timers = 0;
  uint64_t workers_unread = 0;
};
SchedulerSums sum_of(const Schedulers& schedulers);

}  // namespace coroscope
