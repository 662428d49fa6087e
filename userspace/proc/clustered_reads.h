// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "proc/memory.h"

namespace coroscope {

// ClusteredReads reads many small things of which some lie close together, such as
// the nodes of an allocator's slabs: neighbours are read with what is between them.
// The kernel takes about 0.4 us for each range, and a tenth of that for another
// kilobyte. Keeps its buffers for the next time.
class ClusteredReads {
 public:
  // Neighbours with more between them are read apart. Less than a page, so that no
  // page is read that nothing was wanted of.
  static constexpr size_t most_between = 1024;

  // As Memory::read_many: an unreadable one does not spoil the others.
  void read(const Memory& memory, std::span<Memory::Request> requests);

 private:
  struct Cluster {
    size_t first = 0, end = 0;  // of order_
    size_t at = 0;              // of bytes_
  };

  void find_clusters(std::span<const Memory::Request> requests);
  void take(const Cluster& cluster, uint64_t address, std::span<Memory::Request> requests);

  std::vector<uint32_t> order_;  // of the requests, by address
  std::vector<Cluster> clusters_;
  std::vector<Memory::Request> ranges_;  // a cluster each
  std::vector<std::byte> bytes_;
};

}  // namespace coroscope
