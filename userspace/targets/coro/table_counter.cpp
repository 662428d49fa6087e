// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_counter.h"

#include <algorithm>
#include <thread>
#include <vector>

namespace coroscope::coro {
namespace {

// A stack that is larger is none: so the sum over a whole table does not overflow.
constexpr uint64_t largest_stack = uint64_t{1} << 40;

// Reading is bound by memory: more would not be faster.
constexpr uint64_t most_threads = 4;
constexpr uint64_t slots_of_a_thread = 65536;

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

void add_header(const coro_header& header, uint32_t stacks, Headcount& count) {
  add_stack(header, count);
  if ((header.flags & CORO_FLAG_SYSTEM) != 0) {
    count.system++;
    return;
  }
  const uint32_t stack = header.spawn_stack_id < stacks ? header.spawn_stack_id : 0;
  if (stack >= count.by_spawn_stack.size()) count.by_spawn_stack.resize(stack + 1);
  count.by_spawn_stack[stack][static_cast<size_t>(activity_of(header.state))]++;
}

void add_part(const Headcount& part, Headcount& count) {
  const size_t sites = std::max(count.by_spawn_stack.size(), part.by_spawn_stack.size());
  count.by_spawn_stack.resize(sites);
  for (size_t site = 0; site < part.by_spawn_stack.size(); ++site) {
    for (size_t i = 0; i < part.by_spawn_stack[site].size(); ++i) {
      count.by_spawn_stack[site][i] += part.by_spawn_stack[site][i];
    }
  }
  count.system += part.system;
  count.stack_reserved += part.stack_reserved;
  count.stack_used += part.stack_used;
  count.stacks += part.stacks;
  count.stacks_running += part.stacks_running;
  count.stacks_odd += part.stacks_odd;
}

// Part is what one thread counts, on cache lines of its own.
struct alignas(128) Part {
  Headcount count;
};

// A thread costs as much as some thousand headers.
size_t threads_for(uint64_t slots) {
  const uint64_t processors = std::max(1u, std::thread::hardware_concurrency());
  return std::clamp<uint64_t>(slots / slots_of_a_thread, 1, std::min(processors, most_threads));
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
  std::vector<Part> parts(threads_for(table.slots(slabs)));
  std::vector<TableReader::Sink> sinks;
  for (Part& part : parts) {
    sinks.emplace_back([&part, stacks](const TableHeader& entry) {
      add_header(entry.header, stacks, part.count);
    });
  }
  const TableScan scan = table.scan(slabs, limits, sinks);
  for (const Part& part : parts) add_part(part.count, count);
  count.losses += scan.losses;
  return scan.slots;
}

}  // namespace coroscope::coro
