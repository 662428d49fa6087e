// SPDX-License-Identifier: Apache-2.0
// The maps of maps.bpf.h and the helpers of the kernel, as far as counting.h
// needs them, for tests on the host.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#include "wire.h"

template <typename Value, size_t size>
struct FakeArray {
  std::array<Value, size> values{};
};

// An array in an array of maps.
struct FakeInner {
  size_t words = 0;  // of a record; 0: there is none in this slot
  std::vector<uint64_t> values;

  template <typename Record>
  void make(size_t records) {
    words = sizeof(Record) / sizeof(uint64_t);
    values.assign(words * records, 0);
  }
  template <typename Record>
  Record& at(size_t record) {
    return reinterpret_cast<Record&>(values.at(record * words));
  }
};

struct FakeWindow {
  std::map<uint64_t, wire_window_entry> entries;  // of one target: by id
  wire_u32 target = 0;
  size_t max_entries = 8;
};

inline FakeArray<wire_target, WIRE_MAX_TARGETS> targets;
constexpr size_t fake_chunks = size_t{WIRE_MAX_TARGETS} * WIRE_TARGET_CHUNKS;
inline FakeArray<FakeInner, fake_chunks> stack_counters;
inline FakeArray<FakeInner, fake_chunks> park_counters;
inline FakeArray<wire_losses, WIRE_MAX_TARGETS + 1> losses;
inline FakeWindow windows;

template <typename Value, size_t size>
void* bpf_map_lookup_elem(FakeArray<Value, size>* map, const wire_u32* key) {
  return *key < size ? &map->values[*key] : nullptr;
}

inline void* bpf_map_lookup_elem(FakeArray<FakeInner, fake_chunks>* map, const wire_u32* key) {
  return *key < map->values.size() && map->values[*key].words > 0 ? &map->values[*key] : nullptr;
}
inline void* bpf_map_lookup_elem(void* inner, const wire_u32* key) {
  auto& map = *static_cast<FakeInner*>(inner);
  return *key < map.values.size() / map.words ? &map.values[*key * map.words] : nullptr;
}

inline void* bpf_map_lookup_elem(FakeWindow* map, const wire_window_key* key) {
  const auto found = map->entries.find(key->id);
  return key->target == map->target && found != map->entries.end() ? &found->second : nullptr;
}

inline long bpf_map_update_elem(FakeWindow* map, const wire_window_key* key,
                                const wire_window_entry* entry, uint64_t flags) {
  if (map->entries.size() >= map->max_entries) return -E2BIG;
  const bool added = map->entries.emplace(key->id, *entry).second;
  return added || flags != 1 ? 0 : -EEXIST;
}

// Of one target: by number.
using FakeWorkers = std::map<uint64_t, wire_worker>;
inline FakeWorkers workers;
inline FakeArray<wire_worker, 1> fresh_worker;

inline void* bpf_map_lookup_elem(FakeWorkers* map, const wire_worker_key* key) {
  const auto found = map->find(key->number);
  return found != map->end() ? &found->second : nullptr;
}

inline long bpf_map_update_elem(FakeWorkers* map, const wire_worker_key* key, const void* worker,
                                uint64_t) {
  return map->emplace(key->number, *static_cast<const wire_worker*>(worker)).second ? 0 : -EEXIST;
}

inline bool unreadable = false;
inline long bpf_probe_read_user(void* to, wire_u32 size, const void* from) {
  if (unreadable) return -EFAULT;
  std::memcpy(to, from, size);
  return 0;
}

inline wire_u64 bpf_ktime_get_ns() {
  static wire_u64 now = 1000;
  return now += 10;
}
