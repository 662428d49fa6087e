// SPDX-License-Identifier: Apache-2.0
#include "observe/busy_stacks.h"

#include <vector>

#include "proc/stack_sampler.h"

namespace coroscope {
namespace {

constexpr size_t most_at_once = 64;  // coroutines: a worker each
constexpr uint32_t most_tries = 3;
constexpr uint64_t most_ns = 100'000'000;

struct Asked {
  const Overdue* coroutine;
  StackBounds bounds;
  bool found = false;
};

ParkedContext context_of(const StackSample& sample, const StackBounds& bounds) {
  ParkedContext context;
  context.pc = sample.pc;
  context.sp = context.stack_address = sample.sp;
  context.stack = sample.stack.first(std::min(sample.stack.size(), bounds.high - sample.sp));
  context.registers = sample.registers;
  return context;
}

}  // namespace

void BusyStacks::take(const Process& process, const Target& target, StackNames& names,
                      std::span<const Overdue> overdue) {
  std::unordered_map<uint64_t, Seen> seen;
  std::vector<Asked> asked;
  for (const Overdue& one : overdue) {
    if (one.verdict != Verdict::busy || seen.size() == most_at_once) continue;
    Seen& now = seen[one.id] = seen_[one.id];
    if (now.stack != unread_parked_stack || now.tries == most_tries) continue;
    const auto bounds = target.stack_bounds(one.slot, one.id);
    if (bounds) asked.push_back({&one, *bounds});
  }
  seen_ = std::move(seen);
  if (asked.empty()) return;
  size_t missing = asked.size();
  const auto sampled = sample_stacks(process, most_ns, [&](const StackSample& sample) {
    for (Asked& one : asked) {
      if (one.found || !one.bounds.contains(sample.sp)) continue;
      // It runs there as long as the stack is its own.
      const auto bounds = target.stack_bounds(one.coroutine->slot, one.coroutine->id);
      if (!bounds || bounds->low != one.bounds.low) continue;
      seen_[one.coroutine->id].stack = names.intern(context_of(sample, one.bounds)).stack;
      one.found = true;
      missing--;
    }
    return missing == 0;
  });
  for (const Asked& one : asked) {
    seen_[one.coroutine->id].tries++;
    seen_[one.coroutine->id].asked = static_cast<bool>(sampled);
  }
}

}  // namespace coroscope
