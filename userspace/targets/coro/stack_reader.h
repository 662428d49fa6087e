// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/records.h"
#include "targets/coro/await_reader.h"
#include "targets/coro/table_reader.h"
#include "targets/target.h"

namespace coroscope::coro {

// Whether a coroutine in this state has a place that does not change.
bool has_place(uint32_t state);

// Whether it is a task with something to read about its place.
bool is_task_with_place(const coro_header& header);

// StackReader gives parked coroutines, and those in a blocking call, the id of
// their parked stack: of a fiber its stack, of a task its chain of co_awaits. It
// remembers them by slot: a coroutine that has not moved since the last census
// is not read again, so a census costs what changed, not what is there.
class StackReader {
 public:
  // Copied of one stack at most; what is deeper is cut off, and marked so.
  static constexpr uint64_t max_stack_bytes = 256 << 10;

  StackReader(const Memory& memory, const coro_descriptor& descriptor)
      : memory_(memory), descriptor_(descriptor) {}

  // Sets member.parked_stack. `entry` may be replaced by a newer state of the
  // same coroutine, if it moved on since it was read.
  enum class Outcome { read, cut, unread };
  Outcome read(TableHeader& entry, const UnwindContext& unwind, ParkedStack* stack);

  // The next calls of read will be for these, in this order. Tasks are read
  // here already, many with one call; who moves meanwhile is read again there.
  void read_ahead(std::span<const TableHeader> entries);

  // After this moment (CLOCK_MONOTONIC), stacks that it does not remember are
  // unread: a target with many stacks, or large ones, costs no more than that.
  void read_until(uint64_t until_ns) { until_ns_ = until_ns; }

 private:
  struct Known {
    uint64_t id = 0;
    uint32_t sequence = 0;
    ParkedStack stack = unread_parked_stack;
    bool complete = false;
  };

  // Between two copies of the header, made in `before` and `after`. False if
  // that is not worth another try.
  bool copy_stack(const TableHeader& entry, coro_header& before, coro_header& after);
  bool copy_awaits(const TableHeader& entry, coro_header& before, coro_header& after);
  bool copy_place(TableHeader& entry, ParkedContext& context);
  bool remembers(const TableHeader& entry) const;

  const Memory& memory_;
  coro_descriptor descriptor_;
  std::vector<Known> known_;       // by slot
  std::vector<std::byte> buffer_;  // the stack that was copied last
  TaskPlace task_;                 // or the chain
  std::vector<TaskPlace> ahead_;   // chains that were read ahead
  size_t next_ = 0;                // of them
  uint64_t until_ns_ = ~uint64_t{0};
};

}  // namespace coroscope::coro
