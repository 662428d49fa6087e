// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/depot_reader.h"

#include <algorithm>

#include "targets/coro/descriptor.h"

namespace coroscope::coro {

const std::vector<uint64_t>& DepotReader::stack(uint32_t id) {
  const auto found = known_.find(id);
  if (found != known_.end()) return found->second;
  std::vector<uint64_t> frames = read(id);
  static const std::vector<uint64_t> none;
  if (frames.empty()) return none;  // perhaps it is only not there yet
  return known_.emplace(id, std::move(frames)).first->second;
}

std::vector<uint64_t> DepotReader::read(uint32_t id) {
  if (id == 0 || id > max_stacks) return {};
  const uint32_t index = id - 1;
  const uint32_t chunk = index / descriptor_.depot_chunk_entries;
  if (chunk >= descriptor_.depot_directory_capacity) return {};

  uint64_t chunk_address = 0;
  if (!memory_.read_value(descriptor_.depot_directory + 8 * uint64_t{chunk}, &chunk_address)) {
    return {};
  }
  const uint64_t in_chunk = index % descriptor_.depot_chunk_entries;
  coro_stack_entry entry{};
  if (chunk_address == 0 ||
      !memory_.read_value(chunk_address + in_chunk * descriptor_.depot_entry_size, &entry)) {
    return {};
  }
  if (entry.depth == 0 || entry.depth > std::min(descriptor_.depot_max_depth, max_depth)) return {};
  std::vector<uint64_t> frames(entry.depth);
  if (!memory_.read(entry.frames, frames.data(), frames.size() * sizeof frames[0])) return {};
  if (entry.flags != 0) flags_[id] = entry.flags;
  return frames;
}

}  // namespace coroscope::coro
