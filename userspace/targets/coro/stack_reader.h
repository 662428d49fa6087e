// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/records.h"
#include "proc/memory.h"
#include "targets/coro/await_reader.h"
#include "targets/coro/table_reader.h"
#include "targets/target.h"

namespace coroscope::coro {

// Whether a coroutine in this state has a place that does not change as long as it stays
// in that state.
bool has_place(uint32_t state);

// Of the coroutine `id`, whatever it does; nothing if it has no stack of its own.
std::optional<StackBounds> read_stack_bounds(const Memory& memory, uint64_t header_address,
                                             uint64_t id);

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

  // Sets *stack. `entry` is replaced by a newer state of the same coroutine if it
  // moved on since it was read; it may then have no parked stack (`none`).
  enum class Outcome { read, cut, unread, none };
  Outcome read(TableHeader& entry, const UnwindContext& unwind, ParkedStack* stack);

  // The next calls of read will be for these, in this order. Their stacks are
  // copied here already, many with one call; who moves meanwhile is read again
  // there, alone.
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

  // What was copied of a coroutine ahead.
  struct Ahead {
    uint64_t header_address = 0;
    uint64_t id = 0;
    uint32_t sequence = 0;
    bool task = false;
    size_t chain = 0;         // of a task: which of ahead_chains_
    uint64_t sp = 0;          // of a fiber
    size_t at = 0, size = 0;  // of its stack in ahead_bytes_
    bool good = false;        // it was all read, and did not move meanwhile
  };
  // What became of a coroutine while its place was copied.
  enum class Copied { place, failed, left };

  bool remembers(const TableHeader& entry) const;
  bool add_ahead(const coro_header& header, Ahead& one);
  void copy_ahead();
  void look_again();
  void look_again_at(std::span<Ahead> run);
  bool take_ahead(const TableHeader& entry, ParkedContext& context);
  Copied copy_place(TableHeader& entry, ParkedContext& context);
  bool copy_stack(const coro_header& header, ParkedContext& context);
  bool copy_chain(const coro_header& header, ParkedContext& context);
  ParkedContext context_of_stack(uint64_t sp, std::span<const std::byte> stack) const;

  const Memory& memory_;
  coro_descriptor descriptor_;
  std::vector<Known> known_;       // by slot
  std::vector<std::byte> buffer_;  // the stack that was copied last
  TaskPlace chain_;                // or the chain
  std::vector<Ahead> ahead_;
  size_t next_ = 0;                      // of them
  std::vector<std::byte> ahead_bytes_;   // their stacks, one after the other
  size_t ahead_size_ = 0;                // of all of them
  std::vector<TaskPlace> ahead_chains_;  // and their chains
  std::vector<Memory::Request> requests_;
  std::vector<std::byte> headers_;
  uint64_t until_ns_ = ~uint64_t{0};
};

}  // namespace coroscope::coro
