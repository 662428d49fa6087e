// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/descriptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace coroscope::coro {
namespace {

Error bad(const Process& process, const std::string& what) {
  return {ErrorKind::target_bad,
          fmt::format("{} publishes a coroutine descriptor that makes no sense: {}; was it "
                      "overwritten, or is it not coroscope's runtime?",
                      process.describe(), what)};
}

Error unknown_version(const Process& process, uint32_t major, uint32_t minor) {
  return {
      ErrorKind::target_bad,
      fmt::format("{} publishes version {}.{} of the coroutine descriptor, this coroscope reads "
                  "{}.x; use a coroscope as new as the target's runtime",
                  process.describe(), major, minor, CORO_ABI_MAJOR)};
}

bool is_stride(uint32_t bytes, size_t least, uint32_t most = max_header_size) {
  return bytes >= least && bytes <= most && bytes % 8 == 0;
}

// The same, of what version 1.1 added. Of a runtime of 1.0 all of it is 0.
std::string find_newer_nonsense(const coro_descriptor& d) {
  if (d.object_size != 0 && !is_stride(d.object_size, first_object_size)) {
    return fmt::format("an object has {} bytes", d.object_size);
  }
  if (d.schedulers == 0) return {};
  if (!is_stride(d.scheduler_size, sizeof(coro_scheduler)) ||
      !is_stride(d.worker_size, sizeof(coro_worker), max_worker_stride)) {
    return fmt::format("a scheduler has {} bytes, a worker {}", d.scheduler_size, d.worker_size);
  }
  if (d.scheduler_capacity > max_schedulers) {
    return fmt::format("it has room for {} schedulers", d.scheduler_capacity);
  }
  return {};
}

// What is wrong with the sizes, or nothing.
std::string find_nonsense(const coro_descriptor& d) {
  if (d.size < first_descriptor_size || d.size % 8 != 0) {
    return fmt::format("its size is {} bytes", d.size);
  }
  if (d.table_header_size < sizeof(coro_header) || d.table_header_size > max_header_size ||
      d.table_header_size % 8 != 0) {
    return fmt::format("a coroutine header has {} bytes", d.table_header_size);
  }
  if (d.table_slab_headers == 0 || d.table_slab_headers > max_slots) {
    return fmt::format("a slab has {} coroutine headers", d.table_slab_headers);
  }
  if (d.table_directory_capacity == 0 || d.table_directory_capacity > max_directory) {
    return fmt::format("its table has room for {} slabs", d.table_directory_capacity);
  }
  if (d.depot_entry_size < sizeof(coro_stack_entry) || d.depot_entry_size > max_header_size) {
    return fmt::format("a spawn stack entry has {} bytes", d.depot_entry_size);
  }
  if (d.depot_chunk_entries == 0 || d.depot_chunk_entries > max_chunk ||
      d.depot_directory_capacity == 0 || d.depot_directory_capacity > max_directory) {
    return fmt::format("its depot has room for {} chunks of {} stacks", d.depot_directory_capacity,
                       d.depot_chunk_entries);
  }
  return find_newer_nonsense(d);
}

}  // namespace

std::vector<DescriptorPlace> find_descriptors(const Memory& memory,
                                              const std::vector<Module>& modules) {
  std::vector<DescriptorPlace> places;
  for (const Module& module : modules) {
    for (const ElfNote& note : read_notes(memory, module)) {
      if (note.owner != CORO_NOTE_OWNER || note.type != CORO_NOTE_DESCRIPTOR) continue;
      coro_note content{};
      if (note.description.size() < sizeof content) continue;
      std::memcpy(&content, note.description.data(), sizeof content);
      const uint64_t field = note.description_address + offsetof(coro_note, descriptor_offset);
      places.push_back({field + static_cast<uint64_t>(content.descriptor_offset), content.major,
                        content.minor, module.open_path});
    }
  }
  return places;
}

bool copy_descriptor(const Memory& memory, uint64_t address, coro_descriptor* descriptor) {
  *descriptor = {};
  // No more than every version has: what follows may be another page.
  if (!memory.read(address, descriptor, first_descriptor_size)) return false;
  if (descriptor->size <= first_descriptor_size) return true;
  const size_t rest =
      std::min<size_t>(descriptor->size, sizeof *descriptor) - first_descriptor_size;
  return memory.read(address + first_descriptor_size,
                     reinterpret_cast<std::byte*>(descriptor) + first_descriptor_size, rest);
}

Result<coro_descriptor> read_descriptor(const Process& process, const Memory& memory,
                                        const DescriptorPlace& place) {
  if (place.major != CORO_ABI_MAJOR) return unknown_version(process, place.major, place.minor);
  coro_descriptor descriptor{};
  if (!copy_descriptor(memory, place.address, &descriptor)) {
    if (process.ending()) return process.gone();
    return bad(process, fmt::format("its address {:#x} cannot be read", place.address));
  }
  if (descriptor.magic != CORO_ABI_MAGIC) {
    return bad(process, fmt::format("there is none at {:#x}", place.address));
  }
  if (descriptor.major != CORO_ABI_MAJOR) {
    return unknown_version(process, descriptor.major, descriptor.minor);
  }
  if (const std::string nonsense = find_nonsense(descriptor); !nonsense.empty()) {
    return bad(process, nonsense);
  }
  return descriptor;
}

bool is_same_descriptor(const coro_descriptor& opened, coro_descriptor later) {
  later.workers = opened.workers;
  later.table_slabs = opened.table_slabs;
  later.depot_entries = opened.depot_entries;
  later.schedulers_lost = opened.schedulers_lost;
  return std::memcmp(&opened, &later, sizeof opened) == 0;
}

}  // namespace coroscope::coro
