// SPDX-License-Identifier: Apache-2.0
// The kernel's half of the observer: the BPF object, its probes and its maps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/records.h"
#include "proc/process.h"
#include "util/result.h"

namespace coroscope {

// ProbeFile is the file of a target in which its probes are.
struct ProbeFile {
  std::string path;      // opens the very file that the target mapped
  std::string provider;  // of the USDT probes
};

// KernelCounters counts the probes of up to WIRE_MAX_TARGETS processes by spawn
// stack. Everything it put into the kernel belongs to descriptors of this
// process: it goes when the object, or the process, goes, however it ends.
class KernelCounters {
 public:
  struct Sizes {
    uint32_t stacks = WIRE_DEFAULT_STACKS;  // over all targets; 384 B each
    uint32_t window = WIRE_DEFAULT_WINDOW;  // coroutines with events during a census; 80 B each
  };

  // Loads the programs. Errors: environment, with what is missing.
  static Result<KernelCounters> load(const Sizes& sizes);

  KernelCounters(KernelCounters&&) noexcept;
  KernelCounters& operator=(KernelCounters&&) noexcept;
  ~KernelCounters();

  // Reserves room for a target with stack ids below `stacks`; returns its slot.
  Result<uint32_t> add_target(uint32_t stacks);

  // Attaches exit, unpark, park, spawn, in that order. Nothing is counted yet.
  // If one fails, those before it are detached again.
  Result<void> attach(uint32_t slot, const Process& process, const ProbeFile& file);

  // From here on every event counts, and is noted by coroutine too until
  // close_window(): what a census in between needs to be joined with it.
  void start_counting(uint32_t slot);
  Result<std::vector<WindowEvent>> close_window(uint32_t slot);

  // A copy of the counters. Each is exact, but they are not of one instant
  // while the target runs.
  Counters read(uint32_t slot) const;

  // Probes off; the counters stay readable.
  void detach(uint32_t slot);

 private:
  struct State;
  explicit KernelCounters(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace coroscope
