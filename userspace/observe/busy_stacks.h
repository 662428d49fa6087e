// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <unordered_map>

#include "detect/running.h"
#include "observe/stack_names.h"
#include "proc/process.h"
#include "targets/target.h"

namespace coroscope {

// BusyStacks finds out where coroutines are that run all the time. Where somebody runs
// can not be read from outside, but the kernel's profiler tells it. It is asked for one
// moment only, and only once somebody is overdue.
class BusyStacks {
 public:
  struct Seen {
    ParkedStack stack = unread_parked_stack;  // by StackNames
    uint32_t tries = 0;                       // looks at all who use a processor
    bool asked = false;                       // there is a profiler, and the coroutine has a stack
  };

  // Asks about those of `overdue` that are busy and were not found so far.
  void take(const Process& process, const Target& target, StackNames& names,
            std::span<const Overdue> overdue);
  // Null: never asked about.
  const Seen* of(uint64_t id) const {
    const auto found = seen_.find(id);
    return found == seen_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<uint64_t, Seen> seen_;  // by id, of those overdue
};

}  // namespace coroscope
