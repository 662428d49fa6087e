// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <coro/abi.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proc/memory.h"
#include "targets/target.h"

namespace coroscope::coro {

// AwaitChain is where a task waits: the locations of its co_awaits, innermost
// first.
struct AwaitChain {
  // Links followed; of a longer chain, or one that leads into itself, there are
  // no more, and `complete` is false.
  static constexpr size_t max_links = 256;

  std::vector<uint64_t> locations;  // addresses of struct coro_location; 0: not known
  bool complete = false;
};

// HeaderCopies is the header of a task as it was before its chain was read, and
// after.
struct HeaderCopies {
  coro_header before{};
  coro_header after{};
  bool read = false;  // both were readable
};

// Follows the chain from `first` on. It is only worth something if both copies
// of the header at `header_address` are one whole.
AwaitChain read_awaits(const Memory& memory, uint64_t header_address, uint64_t first,
                       HeaderCopies* copies);

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
