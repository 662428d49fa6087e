// SPDX-License-Identifier: Apache-2.0
// A target is a process with coroutines, seen through the adapter of its
// runtime. Nothing outside an adapter knows how a runtime lays out its memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/records.h"
#include "model/wait_object.h"
#include "proc/memory.h"
#include "proc/modules.h"
#include "proc/process.h"
#include "util/result.h"

namespace coroscope {

// ParkedContext is where a parked coroutine is, as it was copied. Of one with a
// stack: unwinding starts at pc with the stack pointer sp; `stack` begins at
// stack_address. One without a stack has `places`, innermost first: for
// Target::place, never to be taken for code addresses.
struct ParkedContext {
  uint64_t pc = 0;
  uint64_t sp = 0;
  uint64_t stack_address = 0;
  std::span<const std::byte> stack;
  std::span<const uint64_t> places;
  bool places_complete = false;  // they lead to the outermost one
  // Further registers of the innermost frame that are known, by DWARF number.
  std::span<const std::pair<uint8_t, uint64_t>> registers{};
};

// UnwoundContext is what became of it: an id for the stack, and whether it was
// followed to its outermost frame.
struct UnwoundContext {
  ParkedStack stack = unread_parked_stack;
  bool complete = false;
};
using UnwindContext = std::function<UnwoundContext(const ParkedContext&)>;

// StackBounds is a stack of which `low` is the first address, and `high` the one behind
// the last.
struct StackBounds {
  uint64_t low = 0;
  uint64_t high = 0;

  bool contains(uint64_t address) const { return address >= low && address < high; }
};

// SourcePlace is a place in the source as the program itself tells it. Untrusted
// text: it may hold anything.
struct SourcePlace {
  std::string function;  // its signature
  std::string file;
  uint32_t line = 0;
};

// Annotation is what the program calls a coroutine. Untrusted text.
struct Annotation {
  struct Label {
    std::string key;
    std::string value;
  };
  std::string name;  // may be empty
  std::vector<Label> labels;
};

class Target {
 public:
  virtual ~Target() = default;

  // Name and version of the runtime, for people: "coro 1.0".
  virtual std::string runtime() const = 0;
  // Where its probes are: a path that opens the file, and the USDT provider.
  virtual std::string probe_path() const = 0;
  virtual std::string probe_provider() const = 0;

  // Spawn stacks interned so far, and the most there can be.
  virtual uint32_t stacks_now() const = 0;
  virtual uint32_t stacks_at_most() const = 0;
  // Spawns whose stack the runtime could not intern.
  virtual uint64_t stacks_lost() const = 0;
  // Coroutines that its table has room for.
  virtual uint64_t coroutines_at_most() const = 0;
  virtual uint32_t workers() const = 0;
  // Copies of the runtime in this process that are not observed.
  virtual uint32_t other_copies() const { return 0; }

  // Everything alive now. Without `unwind`, parked stacks are left unread. An
  // error only if the target has ended; what is unreadable is in the losses.
  virtual Result<Census> census(const UnwindContext& unwind) = 0;

  // The same, but only counted, which costs far less than a census.
  virtual Result<Headcount> count() = 0;

  // Return addresses of a spawn stack, innermost first; empty if not known.
  virtual std::vector<uint64_t> spawn_stack(SpawnStack id) = 0;
  // Why spawn_stack(id), asked for before, ends before the outermost frame; empty if
  // it does not, or nobody knows.
  virtual std::string spawn_stack_cut(SpawnStack id) const = 0;
  virtual std::string reason_name(Reason reason) const = 0;
  // Whether a function is the runtime's own, which people rarely want to see.
  // `function` is short, as symbolize/frame.h makes it.
  virtual bool is_runtime_function(std::string_view function) const = 0;
  virtual std::optional<WaitObject> wait_object(uint64_t address) const = 0;
  // False if what is waited on for this reason never has a WaitObject::holder.
  virtual bool may_have_holder(Reason) const { return true; }
  // The same as wait_object, but only if the coroutine `id` still waits on it.
  virtual std::optional<WaitObject> object_of(uint32_t slot, uint64_t id,
                                              uint64_t object) const = 0;
  // The same, but only if it is still in the very wait that a census found.
  virtual std::optional<WaitObject> object_of_wait(const Member& member) const = 0;

  // A place of a coroutine without a stack (ParkedContext::places).
  virtual std::optional<SourcePlace> place(uint64_t place) = 0;
  // Of the coroutine `id`, which a census found in `slot`. Nothing if it has
  // ended, moves all the time, has none, or what it has makes no sense.
  virtual std::optional<Annotation> annotation(uint32_t slot, uint64_t id) const = 0;
  virtual std::optional<Select> select(uint32_t slot, uint64_t id) const = 0;

  // Where the stack of the coroutine `id` is, which a census found in `slot`. Nothing if
  // it has ended, or has none.
  virtual std::optional<StackBounds> stack_bounds(uint32_t, uint64_t) const { return {}; }

  // Nothing if the runtime does not publish any.
  virtual std::optional<Schedulers> schedulers() const = 0;

  // Whether its probes are to be had in batches, too (ProbeMode::full), and parked stacks
  // with them. Only then may one ask for event_rings().
  virtual bool hands_over_batches() const { return false; }
  // What its workers wrote down last. It takes a moment: what happens meanwhile may be in it.
  virtual EventRings event_rings() const { return {}; }
};

// Finds the runtime of a process. `process` and `memory` must outlive the
// target. Errors: target_bad if there is none that we know, or one whose
// published structures we can not read.
Result<std::unique_ptr<Target>> open_target(const Process& process, const Memory& memory,
                                            const std::vector<Module>& modules);

// True if a module of the process says that it has a runtime that we know, of
// whatever version. Much cheaper than open_target.
bool has_runtime(const Memory& memory, const std::vector<Module>& modules);

}  // namespace coroscope
