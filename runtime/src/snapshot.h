// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "coro/abi.h"
#include "depot.h"
#include "descriptor.h"
#include "lifecycle.h"

namespace coro::detail {

// Snapshot is what the table says of one coroutine at one moment, read in this
// process but as an outside observer reads it: under the header's sequence, and
// with whatever lies elsewhere copied by the kernel, since a stack or a text may be
// gone meanwhile. Large: not for a coroutine's stack. Async-signal-safe.
class Snapshot {
 public:
  enum class Result {
    none,  // no coroutine there
    busy,  // it kept changing; only id() is known
    read,
  };

  Result take(coro_header& header) noexcept;

  [[nodiscard]] const coro_header& header() const noexcept { return header_; }

  // Of a fiber that does not run: return addresses, innermost first.
  [[nodiscard]] const std::uint64_t* frames() const noexcept { return frames_; }
  // Of a task that waits: its co_awaits, innermost first.
  [[nodiscard]] const coro_location* awaits() const noexcept { return awaits_; }
  // Of either.
  [[nodiscard]] std::uint32_t depth() const noexcept { return depth_; }
  [[nodiscard]] bool truncated() const noexcept { return truncated_; }

  [[nodiscard]] std::string_view name() const noexcept;
  // The keys and values, each ended by a NUL.
  [[nodiscard]] std::string_view labels() const noexcept;

  // Who holds what it waits for, or is waited for by it; 0: not known.
  [[nodiscard]] std::uint64_t holder() const noexcept { return holder_; }

 private:
  void read_annotation() noexcept;
  void read_fiber() noexcept;
  void read_task() noexcept;
  void read_holder() noexcept;
  bool read_stack(std::uint64_t address, void* to, std::uint64_t size) noexcept;

  static constexpr std::uint32_t most = WalkedStack::max_depth;
  coro_header header_;
  std::uint64_t frames_[most];
  coro_location awaits_[most];
  std::uint32_t depth_;
  bool truncated_;
  std::uint64_t holder_;
  coro_annotation annotation_;
  char texts_[CORO_ANNOTATION_MAX + 1];
  // The part of the stack that was copied.
  std::uint64_t window_low_;
  std::uint64_t window_size_;
  std::byte window_[4096];
};

// Calls f(coro_header&) for each slot of the table.
template <class F>
void for_each_header(F f) {
  const std::uint32_t slabs =
      std::atomic_ref(coro_descriptor.table_slabs).load(std::memory_order_acquire);
  for (std::uint32_t slab = 0; slab < slabs; ++slab) {
    auto* headers = reinterpret_cast<coro_header*>(get(coro_table_directory[slab]));
    for (std::uint32_t i = 0; i < CORO_TABLE_SLAB_HEADERS; ++i) f(headers[i]);
  }
}

// The frames of an interned stack, empty for an id that there is not.
struct StackFrames {
  const std::uint64_t* frames = nullptr;
  std::uint32_t depth = 0;
  bool truncated = false;
};
StackFrames interned_stack(std::uint32_t id) noexcept;

}  // namespace coro::detail
