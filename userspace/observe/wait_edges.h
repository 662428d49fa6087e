// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "model/records.h"
#include "model/wait_tree.h"
#include "targets/target.h"

namespace coroscope {

// WaitEdges is who waits for whom, as far as the objects that are waited on tell.
struct WaitEdges {
  std::vector<WaitEdge> edges;
  uint64_t moved = 0;  // waits that are left out: they changed, or were over, when they were read
};

// Asks the target about each coroutine of a census that is still in the wait that
// the census found. Edges of different moments may look like a cycle that never was:
// those that could be part of one are asked for again, and left out if they have
// changed.
WaitEdges find_wait_edges(const Target& target, const Census& census);

}  // namespace coroscope
