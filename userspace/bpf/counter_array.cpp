// SPDX-License-Identifier: Apache-2.0
#include "bpf/counter_array.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "util/fd.h"

namespace coroscope {

Result<CounterArray> CounterArray::create(int outer_fd, uint32_t slot, const char* name,
                                          size_t record_bytes, uint32_t records) {
  CounterArray array;
  array.outer_fd_ = outer_fd;
  array.slot_ = slot;
  array.name_ = name;
  array.record_bytes_ = record_bytes;
  if (auto grown = array.grow(std::max(records, uint32_t{1})); !grown) {
    array.remove();
    return grown.error();
  }
  return array;
}

Result<void> CounterArray::grow(uint32_t records) {
  while (this->records() < records && chunks_.size() < WIRE_TARGET_CHUNKS) {
    if (auto added = add_chunk(); !added) return added;
  }
  return {};
}

Result<void> CounterArray::add_chunk() {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
  const Fd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, name_, sizeof(uint32_t),
                              static_cast<uint32_t>(record_bytes_), WIRE_CHUNK_STACKS, &options));
  if (!map) {
    return Error{ErrorKind::environment,
                 fmt::format("cannot make a BPF array of {} x {} bytes: {}", WIRE_CHUNK_STACKS,
                             record_bytes_, std::strerror(errno))};
  }
  auto view = MapView::open(map.get(), record_bytes_ * WIRE_CHUNK_STACKS, name_);
  if (!view) return view.error();
  const auto place = static_cast<uint32_t>(slot_ * WIRE_TARGET_CHUNKS + chunks_.size());
  const int fd = map.get();
  if (bpf_map_update_elem(outer_fd_, &place, &fd, BPF_ANY) != 0) {
    return Error{ErrorKind::environment, fmt::format("cannot put an array of {} into a BPF map: {}",
                                                     name_, std::strerror(errno))};
  }
  chunks_.push_back(std::move(*view));
  return {};
}

void CounterArray::shrink(size_t chunks) {
  while (chunks_.size() > chunks) {
    chunks_.pop_back();
    const auto place = static_cast<uint32_t>(slot_ * WIRE_TARGET_CHUNKS + chunks_.size());
    bpf_map_delete_elem(outer_fd_, &place);
  }
}

void CounterArray::reset(uint32_t records) {
  shrink((size_t{records} + WIRE_CHUNK_STACKS - 1) / WIRE_CHUNK_STACKS);
  for (MapView& chunk : chunks_) {
    std::memset(chunk.as<char>(), 0, record_bytes_ * WIRE_CHUNK_STACKS);
  }
}

}  // namespace coroscope
