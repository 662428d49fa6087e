// SPDX-License-Identifier: Apache-2.0
// The kernel's half of the observer: the BPF object, its probes and its maps.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/attach.h"
#include "model/records.h"
#include "model/window.h"
#include "proc/process.h"
#include "util/result.h"

namespace coroscope {

// What of a target is to be counted.
struct TargetPlan {
  ProbeMode mode = ProbeMode::classic;  // not census
  uint32_t sample = 1;                  // see wire_sampled
  uint32_t stacks = 1;                  // ids below are told apart, or more; 352 B each
  bool parked_stacks = false;           // the target is asked for them: of mode full; 32 B each
};

// KernelCounters counts the probes of up to WIRE_MAX_TARGETS processes by spawn
// stack. Everything it put into the kernel belongs to descriptors of this
// process: it goes when the object, or the process, goes, however it ends.
class KernelCounters {
 public:
  struct Sizes {
    uint32_t window = WIRE_DEFAULT_WINDOW;    // coroutines with events during a census; 120 B each
    uint32_t workers = WIRE_DEFAULT_WORKERS;  // that hand over batches; 12 KiB each
    bool shared_program = true;  // false: never one link for all probes of a target (attach.h)
  };

  // Loads the programs. Errors: environment, with what is missing.
  static Result<KernelCounters> load(const Sizes& sizes);

  KernelCounters(KernelCounters&&) noexcept;
  KernelCounters& operator=(KernelCounters&&) noexcept;
  ~KernelCounters();

  // Reserves room for a target; returns its slot, which may have been another one's.
  Result<uint32_t> add_target(const TargetPlan& plan);

  // Attaches the probes of the plan. Nothing is counted yet. If one fails, those before it
  // are detached again.
  Result<void> attach(uint32_t slot, const Process& process, const ProbeFile& file);

  // Of batches, after the attach: what a worker had flushed by then, and written.
  void begin_worker(uint32_t slot, uint64_t worker, uint64_t flushed, uint64_t written);

  // From here on every event counts, and is noted by coroutine too until the window is
  // closed: what a census in between needs to be joined with it. `since_ns`, of batches:
  // those of before do not count; it has to lie ahead (see Accounting).
  void start_counting(uint32_t slot, uint64_t since_ns);
  // Until start_counting() is called again; what happens meanwhile is a counted loss.
  void stop_counting(uint32_t slot);

  // Of batches: what happens from `until_ns` on, which lies ahead, is not noted.
  void note_until(uint32_t slot, uint64_t until_ns);
  void close_window(uint32_t slot);
  // What was noted, once; after close_window().
  Result<Noted> take_noted(uint32_t slot);

  // How far it has come with the events of these workers; of one that it does not know, nothing.
  WorkerMarks marks(uint32_t slot, const std::vector<uint64_t>& workers) const;
  // Forgets workers that have ended, or never were: those up to `highest` that are not among
  // `workers`.
  void forget_workers(uint32_t slot, const std::vector<uint64_t>& workers, uint64_t highest);

  // Tells stacks up to there apart from now on.
  Result<void> grow(uint32_t slot, uint32_t stacks);
  uint32_t stacks(uint32_t slot) const;

  // A copy of the counters. Each is exact, but they are not of one instant
  // while the target runs.
  Counters read(uint32_t slot) const;

  // Of these, the events that were not counted where they belong, whatever the cause.
  uint64_t events_lost(uint32_t slot) const;

  // Probes off, of all of these at once, which is quicker than one target after the other.
  void take_out(const std::vector<uint32_t>& slots);
  // Probes off, and the room is another one's. What was counted is gone.
  void remove_target(uint32_t slot);
  // All probes off, at once. No target will be added any more; what was counted is there until
  // this object goes.
  void end();

 private:
  struct State;
  explicit KernelCounters(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
  bool ending_ = false;
};

}  // namespace coroscope
