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
#include <vector>

#include "model/records.h"
#include "proc/memory.h"
#include "proc/modules.h"
#include "proc/process.h"
#include "util/result.h"

namespace coroscope {

// ParkedContext is a parked coroutine's stack as it was copied: unwinding
// starts at pc with the stack pointer sp; `stack` begins at stack_address.
struct ParkedContext {
  uint64_t pc = 0;
  uint64_t sp = 0;
  uint64_t stack_address = 0;
  std::span<const std::byte> stack;
};

// UnwoundContext is what became of it: an id for the stack, and whether it was
// followed to its outermost frame.
struct UnwoundContext {
  ParkedStack stack = unread_parked_stack;
  bool complete = false;
};
using UnwindContext = std::function<UnwoundContext(const ParkedContext&)>;

// WaitObject is the published state of something that coroutines wait on. Its
// counts were not read together: they hint, they do not prove.
struct WaitObject {
  enum class Kind { channel, wait_group } kind = Kind::channel;
  uint64_t capacity = 0;
  uint64_t length = 0;  // buffered elements, or the wait group's counter
  bool closed = false;
  uint32_t waiting_senders = 0;
  uint32_t waiting_receivers = 0;
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
  virtual uint32_t workers() const = 0;
  // Copies of the runtime in this process that are not observed.
  virtual uint32_t other_copies() const { return 0; }

  // Everything alive now. Without `unwind`, parked stacks are left unread. An
  // error only if the target has ended; what is unreadable is in the losses.
  virtual Result<Census> census(const UnwindContext& unwind) = 0;

  // Return addresses of a spawn stack, innermost first; empty if not known.
  virtual std::vector<uint64_t> spawn_stack(SpawnStack id) = 0;
  virtual std::string reason_name(Reason reason) const = 0;
  // Whether a function is the runtime's own, which people rarely want to see.
  // `function` is short, as symbolize/frame.h makes it.
  virtual bool is_runtime_function(std::string_view function) const = 0;
  virtual std::optional<WaitObject> wait_object(uint64_t address) const = 0;
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
