// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "proc/memory.h"
#include "targets/target.h"

namespace coroscope::coro {

// TaskPlace is where a task waits: worth something only if its header did not
// move while that was read.
struct TaskPlace {
  // Links followed; of a longer chain, or one that leads into itself, there are
  // no more, and `complete` is false.
  static constexpr size_t max_links = 256;

  uint64_t first = 0;               // the innermost await
  std::vector<uint64_t> locations;  // of struct coro_location, innermost first; 0: not known
  bool complete = false;            // the chain was followed to its end
};

// Fills the places, of which `first` is set. A link of each at a time: a task
// costs what its links do, not a call for each of them.
void read_places(const Memory& memory, std::span<TaskPlace> places);

// LocationReader reads places in the source. They are static data of the
// program, so each is read once.
class LocationReader {
 public:
  static constexpr size_t max_known = 1 << 14;  // a target can not make it grow for ever
  static constexpr size_t max_text = 2048;      // of a name; a longer one is cut off

  // `memory` outlives the reader.
  explicit LocationReader(const Memory& memory) : memory_(memory) {}

  // Nothing if the address is 0, can not be read, or there were too many.
  std::optional<SourcePlace> place(uint64_t address);
  // Whether place(address) needs no look at the target.
  bool knows(uint64_t address) const {
    return address == 0 || known_.size() >= max_known || known_.contains(address);
  }

 private:
  const Memory& memory_;
  std::unordered_map<uint64_t, SourcePlace> known_;
};

// A NUL-terminated text, cut off after `most` bytes; nothing if it can not be
// read up to there.
std::optional<std::string> read_text(const Memory& memory, uint64_t address, size_t most);

}  // namespace coroscope::coro
