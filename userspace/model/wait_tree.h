// SPDX-License-Identifier: Apache-2.0
// Who waits for whom, as trees: whoever is waited for is above those who wait.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "model/dump.h"

namespace coroscope {

// WaitEdge is one coroutine that waits for another.
struct WaitEdge {
  uint64_t waiter = 0;   // ids
  uint64_t awaited = 0;  // perhaps of one that is not in the dump

  bool operator==(const WaitEdge&) const = default;
};

// WaitTree is all trees of a dump, line by line, each coroutine before those who
// wait for it: of them the one that waits longest comes first.
struct WaitTree {
  static constexpr uint32_t no_record = std::numeric_limits<uint32_t>::max();

  enum class Kind : uint8_t {
    coroutine,
    again,  // it is told elsewhere, with those who wait for it
    cycle,  // it is above already: it waits for itself
  };
  struct Line {
    uint64_t id = 0;
    uint32_t record = no_record;  // of the dump, if it is there
    uint32_t depth = 0;           // 0: the root of a tree
    Kind kind = Kind::coroutine;
    uint32_t cycle = 0;  // index, of a cycle
  };
  struct Root {
    size_t line = 0;
    uint64_t waiting = 0;  // coroutines below it
    uint64_t cycles = 0;
  };
  // Cycle: `id` waits for the first of `through`, that for the next, and the last
  // for `id`.
  struct Cycle {
    uint64_t id = 0;
    std::vector<uint64_t> through;  // the first of them; empty if it waits for itself at once
    uint64_t more = 0;              // that are not among them
  };

  std::vector<Line> lines;
  std::vector<Root> roots;  // those with cycles first, then those with the most below them
  std::vector<Cycle> cycles;
  uint64_t coroutines = 0;  // of the dump, in a tree
  // Of the dump, in none: those that wait, for nobody who is known, and the rest.
  uint64_t others_waiting = 0;
  uint64_t others = 0;
};

// Edges that name nobody, or that are there twice, count once or not at all.
WaitTree build_wait_tree(const Dump& dump, std::vector<WaitEdge> edges);

// Those of the edges that may be part of a cycle.
std::vector<WaitEdge> cyclic_edges(std::vector<WaitEdge> edges);

}  // namespace coroscope
