// SPDX-License-Identifier: Apache-2.0
// Reads the coroutine table of a running target, header by header, and keeps
// only what its seqlock proves to be whole.
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/records.h"
#include "proc/memory.h"

namespace coroscope::coro {

// TableHeader is a header that was not written to while it was copied, in a
// state in which no probe is pending.
struct TableHeader {
  uint32_t slot = 0;
  uint64_t address = 0;
  coro_header header{};
};

struct TableScan {
  uint32_t slots = 0;
  CensusLosses losses;
};

// ScanLimits bound the work that a table can make, whatever is in it.
struct ScanLimits {
  uint64_t settle_ns = 0;            // to wait for headers that are being changed
  uint64_t until_ns = ~uint64_t{0};  // CLOCK_MONOTONIC: the scan ends, done or not
};

class TableReader {
 public:
  // `descriptor` was checked by read_descriptor; `memory` outlives the reader.
  TableReader(const Memory& memory, const coro_descriptor& descriptor)
      : memory_(memory), descriptor_(descriptor) {}

  // Hands everything alive to `sink`, one by one. `slabs` is the target's
  // present table_slabs. Coroutines between two states, or in the middle of a
  // write, are read again until they arrive; who ended meanwhile is left out.
  // What the limits cut off is in the losses.
  using Sink = std::function<void(TableHeader&)>;
  TableScan scan(uint32_t slabs, const ScanLimits& limits, const Sink& sink) const;
  // The same by several threads: as many as sinks, each of which gets a part.
  TableScan scan(uint32_t slabs, const ScanLimits& limits, std::span<const Sink> sinks) const;

  // Of so many slabs.
  uint64_t slots(uint32_t slabs) const { return uint64_t{slabs} * descriptor_.table_slab_headers; }
  // Where the header of a slot is that a scan found; 0 if there is none.
  uint64_t header_address(uint32_t slot) const;

 private:
  enum class Outcome { live, free, pending, torn, unreadable, malformed };

  struct Pending {  // to be read again
    uint64_t address;
    uint32_t slot;
    Outcome why;  // pending, or torn: a writer that was preempted stays inside for long
  };
  struct Pass {  // one scan under way, or a part of it
    const ScanLimits& limits;
    const Sink& sink;
    CensusLosses losses;
    uint64_t looked_at = 0;  // slots, or counted as lost
    std::vector<Pending> pending;
    std::vector<std::byte> first;  // the two copies of a chunk
    std::vector<std::byte> second;
  };

  std::vector<uint64_t> slab_addresses(uint32_t slabs, CensusLosses& losses) const;
  void scan_slab(uint64_t address, uint32_t first_slot, Pass& pass) const;
  void scan_chunk(uint64_t address, uint32_t first_slot, uint32_t headers, Pass& pass) const;
  void scan_all(std::span<const uint64_t> addresses, uint32_t first_slab, Pass& pass) const;
  CensusLosses scan_part(std::span<const uint64_t> addresses, uint32_t first_slab,
                         const ScanLimits& limits, const Sink& sink) const;
  void settle(Pass& pass) const;
  bool settle_once(uint64_t deadline_ns, Pass& pass) const;
  Outcome read_again(TableHeader& entry) const;
  static Outcome judge(const coro_header& header);
  static void file(TableHeader& entry, Outcome outcome, Pass& pass);
  static void give_up(Outcome why, Pass& pass);

  const Memory& memory_;
  coro_descriptor descriptor_;
};

// Two copies, one made after the other, that are equal and not in the middle of
// a write are one whole header.
bool is_whole(const coro_header& first, const coro_header& second);

// Whether a coroutine in this state is on its way to another one.
bool is_pending(uint32_t state);

// Whether a copied header is one that the contract allows.
bool is_well_formed(const coro_header& header);

}  // namespace coroscope::coro
