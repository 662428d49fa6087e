// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bpf/map_view.h"
#include "util/result.h"
#include "wire.h"

namespace coroscope {

// CounterArray is the counters of one target: BPF arrays of WIRE_CHUNK_STACKS records of 64-bit
// integers, mapped into our memory, in the target's places of an array of maps (see wire.h).
// It can grow while programs count in it.
class CounterArray {
 public:
  // `outer_fd` outlives the array. Errors: environment.
  static Result<CounterArray> create(int outer_fd, uint32_t slot, const char* name,
                                     size_t record_bytes, uint32_t records);

  CounterArray() = default;
  explicit operator bool() const { return !chunks_.empty(); }

  // At least so many, if the places of a target hold them.
  Result<void> grow(uint32_t records);
  uint32_t records() const { return static_cast<uint32_t>(chunks_.size()) * WIRE_CHUNK_STACKS; }

  template <typename Record>
  const Record& at(uint32_t record) const {
    return chunks_[record / WIRE_CHUNK_STACKS].as<Record>()[record % WIRE_CHUNK_STACKS];
  }
  template <typename Record>
  std::vector<Record> copy() const {
    std::vector<Record> all;
    all.reserve(records());
    for (const MapView& chunk : chunks_) {
      const Record* first = chunk.as<Record>();
      all.insert(all.end(), first, first + WIRE_CHUNK_STACKS);
    }
    return all;
  }

  // All 0, and no more than `records`. While nobody counts in it. Those that stay are not taken
  // out and put in again for the next target, for which the kernel waits each time until no
  // program can hold what was there.
  void reset(uint32_t records);
  // Takes it out of its places: the programs count there no more.
  void remove() { shrink(0); }

 private:
  Result<void> add_chunk();
  void shrink(size_t chunks);

  int outer_fd_ = -1;
  uint32_t slot_ = 0;
  const char* name_ = nullptr;
  size_t record_bytes_ = 0;
  std::vector<MapView> chunks_;  // the kernel keeps the maps: they are in the outer one
};

}  // namespace coroscope
