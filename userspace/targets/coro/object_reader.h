// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <optional>

#include "proc/memory.h"
#include "targets/target.h"

namespace coroscope::coro {

// ObjectReader reads what coroutines wait on.
class ObjectReader {
 public:
  static constexpr uint32_t max_cases = 64;  // of a select that are read

  // `descriptor` was checked by read_descriptor; `memory` outlives the reader.
  ObjectReader(const Memory& memory, const coro_descriptor& descriptor)
      : memory_(memory), descriptor_(descriptor) {}

  // Nothing if there is none at that address, or of a kind that is not known.
  std::optional<WaitObject> object(uint64_t address) const;

  // What the coroutine `id`, parked in a select, waits for.
  std::optional<Select> select(uint64_t header_address, uint64_t id) const;

 private:
  std::optional<Select> read_select(uint64_t address) const;

  const Memory& memory_;
  coro_descriptor descriptor_;
};

}  // namespace coroscope::coro
