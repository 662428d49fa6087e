// SPDX-License-Identifier: Apache-2.0
// A target's memory made by hand: descriptor, table, depot, stacks. A test may
// spoil any of it before it reads.
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proc/memory.h"

namespace coroscope::coro {

class Image : public Memory {
 public:
  static constexpr uint64_t descriptor_at = 0x1000;
  static constexpr uint64_t table_directory_at = 0x2000;
  static constexpr uint64_t depot_directory_at = 0x3000;
  static constexpr uint64_t counters_at = 0x4000;
  static constexpr uint64_t slab_at = 0x10000;
  static constexpr uint64_t chunk_at = 0x20000;
  static constexpr uint64_t frames_at = 0x30000;
  static constexpr uint64_t stack_at = 0x40000;
  static constexpr uint64_t data_at = 0x50000;
  static constexpr uint32_t slab_headers = 16;
  static constexpr uint32_t data_size = 0x4000;
  static constexpr uint32_t stack_size = 0x1000;

  Image() : table_directory(8), depot_directory(4), slab(slab_headers), chunk(8), frames(8) {
    descriptor.magic = CORO_ABI_MAGIC;
    descriptor.major = CORO_ABI_MAJOR;
    descriptor.minor = CORO_ABI_MINOR;
    descriptor.size = sizeof descriptor;
    descriptor.workers = 2;
    descriptor.table_directory = table_directory_at;
    descriptor.table_directory_capacity = 8;
    descriptor.table_slab_headers = slab_headers;
    descriptor.table_header_size = sizeof(coro_header);
    descriptor.table_slabs = 1;
    descriptor.depot_directory = depot_directory_at;
    descriptor.depot_directory_capacity = 4;
    descriptor.depot_chunk_entries = 8;
    descriptor.depot_entry_size = sizeof(coro_stack_entry);
    descriptor.depot_entries = 1;
    descriptor.depot_max_depth = 64;
    descriptor.resume_pc = 0x401000;
    descriptor.counters = counters_at;
    descriptor.object_size = sizeof(coro_object);
    descriptor.scheduler_size = sizeof(coro_scheduler);
    descriptor.worker_size = sizeof(coro_worker);
    table_directory[0] = slab_at;
    depot_directory[0] = chunk_at;
    chunk[0] = {frames_at, 2, 0};
    frames[0] = 0x1111;
    frames[1] = 0x2222;
  }

  coro_header& parked(uint32_t slot, uint64_t id) {
    coro_header& header = slab[slot];
    header.sequence = 2;
    header.state = CORO_STATE_PARKED;
    header.id = id;
    header.spawn_stack_id = 1;
    header.reason = CORO_REASON_CHAN_SEND;
    header.stack_low = stack_at;
    header.stack_high = stack_at + stack_size;
    header.saved_sp = stack_at + 0x800;
    return header;
  }

  // A task that is parked at the await at this address.
  coro_header& parked_task(uint32_t slot, uint64_t id, uint64_t await) {
    coro_header& header = parked(slot, id);
    header.kind = CORO_KIND_TASK;
    header.stack_low = header.stack_high = 0;
    header.saved_sp = await;
    return header;
  }

  // Copies something to the data, at a multiple of 8, and returns its address.
  uint64_t put(const void* bytes, size_t size) {
    const uint64_t offset = (used_ + 7) / 8 * 8;
    used_ = offset + size;
    std::memcpy(&data.at(used_ - 1) - (size - 1), bytes, size);
    return data_at + offset;
  }
  template <typename T>
  uint64_t put(const T& value) {
    return put(&value, sizeof value);
  }
  uint64_t put_text(const std::string& text) { return put(text.c_str(), text.size() + 1); }
  template <typename T>
  T& at(uint64_t address) {
    return *reinterpret_cast<T*>(&data.at(address - data_at));
  }

  bool read(uint64_t address, void* to, size_t size) const override {
    if (before_read) before_read(address, size);
    if (address == descriptor_at && !descriptor_readable) return false;
    if (address == counters_at && !counters_readable) return false;
    reads++;
    return copy(descriptor_at, &descriptor, descriptor_bytes, address, to, size) ||
           copy(table_directory_at, table_directory.data(), 8 * table_directory.size(), address, to,
                size) ||
           copy(depot_directory_at, depot_directory.data(), 8 * depot_directory.size(), address, to,
                size) ||
           copy(counters_at, &counters, sizeof counters, address, to, size) ||
           copy(slab_at, slab.data(), slab.size() * sizeof slab[0], address, to, size) ||
           copy(chunk_at, chunk.data(), chunk.size() * sizeof chunk[0], address, to, size) ||
           copy(frames_at, frames.data(), 8 * frames.size(), address, to, size) ||
           copy(stack_at, stack.data(), stack.size(), address, to, size) ||
           copy(data_at, data.data(), data.size(), address, to, size);
  }

  coro_descriptor descriptor{};
  coro_counters counters{};
  std::vector<uint64_t> table_directory;
  std::vector<uint64_t> depot_directory;
  std::vector<coro_header> slab;
  std::vector<coro_stack_entry> chunk;
  std::vector<uint64_t> frames;
  std::vector<std::byte> stack = std::vector<std::byte>(stack_size);
  std::vector<std::byte> data = std::vector<std::byte>(data_size);  // what else a test needs
  size_t descriptor_bytes = sizeof(coro_descriptor);                // that are readable
  mutable uint64_t reads = 0;
  bool descriptor_readable = true;
  bool counters_readable = true;
  // Called before each read: what the target does meanwhile.
  std::function<void(uint64_t address, size_t size)> before_read;

 private:
  static bool copy(uint64_t at, const void* from, size_t bytes, uint64_t address, void* to,
                   size_t size) {
    if (address < at || address - at > bytes || size > bytes - (address - at)) return false;
    std::memcpy(to, static_cast<const char*>(from) + (address - at), size);
    return true;
  }

  size_t used_ = 0;  // of the data
};

}  // namespace coroscope::coro
