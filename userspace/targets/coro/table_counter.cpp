// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_counter.h"

#include <algorithm>

namespace coroscope::coro {
namespace {

// A stack that is larger is none: so the sum over a whole table does not overflow.
constexpr uint64_t largest_stack = uint64_t{1} << 40;

// A task has none. Only while it does not run, its stack pointer is known.
void add_stack(const coro_header& header, Headcount& count) {
  if (header.stack_high == 0) return;
  const bool odd =
      header.stack_low >= header.stack_high || header.stack_high - header.stack_low > largest_stack;
  const bool running = header.state == CORO_STATE_RUNNING;
  const bool outside = header.saved_sp < header.stack_low || header.saved_sp > header.stack_high;
  if (odd || (!running && outside)) {
    count.stacks_odd++;
    return;
  }
  count.stacks++;
  count.stacks_running += running;
  count.stack_reserved += header.stack_high - header.stack_low;
  if (!running) count.stack_used += header.stack_high - header.saved_sp;
}

}  // namespace

Activity activity_of(uint32_t state) {
  switch (state) {
    case CORO_STATE_RUNNING:
      return Activity::running;
    case CORO_STATE_PARKED:
      return Activity::parked;
    case CORO_STATE_SYSCALL:
      return Activity::syscall;
    default:
      return Activity::runnable;
  }
}

uint32_t count_table(const TableReader& table, uint32_t slabs, uint32_t stacks,
                     const ScanLimits& limits, Headcount& count) {
  const TableScan scan = table.scan(slabs, limits, [&](const TableHeader& entry) {
    const coro_header& header = entry.header;
    add_stack(header, count);
    if ((header.flags & CORO_FLAG_SYSTEM) != 0) {
      count.system++;
      return;
    }
    const uint32_t stack = header.spawn_stack_id < stacks ? header.spawn_stack_id : 0;
    if (stack >= count.by_spawn_stack.size()) count.by_spawn_stack.resize(stack + 1);
    count.by_spawn_stack[stack][static_cast<size_t>(activity_of(header.state))]++;
  });
  count.losses = scan.losses;
  return scan.slots;
}

}  // namespace coroscope::coro
