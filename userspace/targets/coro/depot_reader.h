// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "proc/memory.h"

namespace coroscope::coro {

// DepotReader reads spawn stacks out of the target's depot. A stack never
// changes once it has an id, so each is read once.
class DepotReader {
 public:
  // `descriptor` was checked by read_descriptor; `memory` outlives the reader.
  DepotReader(const Memory& memory, const coro_descriptor& descriptor)
      : memory_(memory), descriptor_(descriptor) {}

  // Return addresses, innermost first. Empty if `id` is 0, beyond the depot, or
  // its entry makes no sense.
  const std::vector<uint64_t>& stack(uint32_t id);
  // CORO_STACK_* of a stack that was read; 0 of any other.
  uint32_t flags(uint32_t id) const {
    const auto found = flags_.find(id);
    return found == flags_.end() ? 0 : found->second;
  }
  // Whether stack(id) needs no look at the target.
  bool knows(uint32_t id) const { return known_.contains(id); }

 private:
  std::vector<uint64_t> read(uint32_t id);

  const Memory& memory_;
  coro_descriptor descriptor_;
  std::unordered_map<uint32_t, std::vector<uint64_t>> known_;
  std::unordered_map<uint32_t, uint32_t> flags_;  // of those known that have any
};

}  // namespace coroscope::coro
