// SPDX-License-Identifier: Apache-2.0
#include "published.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "descriptor.h"
#include "lifecycle.h"

using coro::detail::get;

std::optional<coro_header> read_header(coro_header& header) {
  for (int attempt = 0; attempt < 10000; ++attempt) {
    const std::uint32_t before = std::atomic_ref(header.sequence).load(std::memory_order_acquire);
    if (before % 2 != 0) continue;
    coro_header copy{};
    copy.sequence = before;
    copy.state = get(header.state);
    copy.id = get(header.id);
    copy.parent_id = get(header.parent_id);
    copy.spawn_stack_id = get(header.spawn_stack_id);
    copy.reason = get(header.reason);
    copy.object = get(header.object);
    copy.since_ns = get(header.since_ns);
    copy.spawned_ns = get(header.spawned_ns);
    copy.saved_sp = get(header.saved_sp);
    copy.stack_low = get(header.stack_low);
    copy.stack_high = get(header.stack_high);
    copy.entry = get(header.entry);
    copy.kind = get(header.kind);
    copy.flags = get(header.flags);
    copy.annotation = get(header.annotation);
    copy.deadline_ns = get(header.deadline_ns);
    copy.deadline_sequence = get(header.deadline_sequence);
    copy.parked_stack_id = get(header.parked_stack_id);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (get(header.sequence) == before) return copy;
  }
  return std::nullopt;
}

std::vector<coro_header*> all_headers() {
  std::vector<coro_header*> headers;
  const std::uint32_t slabs =
      std::atomic_ref(coro_descriptor.table_slabs).load(std::memory_order_acquire);
  for (std::uint32_t slab = 0; slab < slabs; ++slab) {
    auto* first = reinterpret_cast<coro_header*>(get(coro_table_directory[slab]));
    for (std::uint32_t i = 0; i < coro_descriptor.table_slab_headers; ++i) {
      headers.push_back(first + i);
    }
  }
  return headers;
}

coro_header* find_header(std::uint64_t id) {
  for (coro_header* header : all_headers()) {
    if (get(header->id) == id) return header;
  }
  return nullptr;
}

coro_header wait_for_state(std::uint64_t id, coro_state state) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < give_up) {
    if (coro_header* header = find_header(id)) {
      const std::optional<coro_header> copy = read_header(*header);
      if (copy && copy->id == id && copy->state == state) return *copy;
    }
    std::this_thread::yield();
  }
  ADD_FAILURE() << "coroutine " << id << " never came to state " << state;
  return {};
}

const coro_stack_entry& interned_stack(std::uint32_t stack_id) {
  const std::uint32_t number = stack_id - 1;
  const auto* chunk = reinterpret_cast<const coro_stack_entry*>(
      get(coro_depot_directory[number / coro_descriptor.depot_chunk_entries]));
  return chunk[number % coro_descriptor.depot_chunk_entries];
}

std::vector<std::uint64_t> interned_frames(std::uint32_t stack_id) {
  const coro_stack_entry& entry = interned_stack(stack_id);
  const auto* frames = reinterpret_cast<const std::uint64_t*>(entry.frames);
  return {frames, frames + entry.depth};
}
