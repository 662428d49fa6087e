// SPDX-License-Identifier: Apache-2.0
// Reads the coroutine table of a running target, header by header, and keeps
// only what its seqlock proves to be whole.
#pragma once

#include <coro/abi.h>

#include <cstdint>
#include <functional>
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

class TableReader {
 public:
  // `descriptor` was checked by read_descriptor; `memory` outlives the reader.
  TableReader(const Memory& memory, const coro_descriptor& descriptor)
      : memory_(memory), descriptor_(descriptor) {}

  // Hands everything alive to `sink`, one by one. `slabs` is the target's
  // present table_slabs. Coroutines between two states, or in the middle of a
  // write, are read again until they arrive, for at most `settle_ns` in all; who
  // ended meanwhile is left out.
  using Sink = std::function<void(TableHeader&)>;
  TableScan scan(uint32_t slabs, uint64_t settle_ns, const Sink& sink) const;

 private:
  enum class Outcome { live, free, pending, torn, unreadable, malformed };

  struct Pending {  // to be read again
    TableHeader entry;
    Outcome why;  // pending, or torn: a writer that was preempted stays inside for long
  };
  struct Pass {  // one scan under way
    TableScan scan;
    std::vector<Pending> pending;
    const Sink& sink;
  };

  std::vector<uint64_t> slab_addresses(uint32_t slabs, Pass& pass) const;
  void scan_slab(uint64_t address, uint32_t first_slot, Pass& pass) const;
  void scan_chunk(uint64_t address, uint32_t first_slot, uint32_t headers, Pass& pass) const;
  void settle(uint64_t settle_ns, Pass& pass) const;
  Outcome read_again(TableHeader& entry) const;
  static Outcome judge(const coro_header& header);
  static void file(TableHeader& entry, Outcome outcome, Pass& pass);

  const Memory& memory_;
  coro_descriptor descriptor_;
};

// Whether a copied header is one that the contract allows.
bool is_well_formed(const coro_header& header);

}  // namespace coroscope::coro
