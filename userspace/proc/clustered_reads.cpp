// SPDX-License-Identifier: Apache-2.0
#include "proc/clustered_reads.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace coroscope {
namespace {

constexpr size_t most_together = 64 << 10;

}  // namespace

void ClusteredReads::find_clusters(std::span<const Memory::Request> requests) {
  order_.resize(requests.size());
  std::iota(order_.begin(), order_.end(), 0);
  std::sort(order_.begin(), order_.end(), [&requests](uint32_t a, uint32_t b) {
    return requests[a].address < requests[b].address;
  });
  clusters_.clear();
  ranges_.clear();
  for (size_t i = 0; i < order_.size(); ++i) {
    const Memory::Request& next = requests[order_[i]];
    if (!ranges_.empty()) {
      Memory::Request& range = ranges_.back();
      const uint64_t offset = next.address - range.address;
      if (offset <= range.size + most_between && next.size <= most_together &&
          offset + next.size <= most_together) {
        range.size = std::max<size_t>(range.size, offset + next.size);
        clusters_.back().end = i + 1;
        continue;
      }
    }
    clusters_.push_back({i, i + 1, 0});
    ranges_.push_back({next.address, nullptr, next.size, false});
  }
}

void ClusteredReads::take(const Cluster& cluster, uint64_t address,
                          std::span<Memory::Request> requests) {
  for (size_t i = cluster.first; i < cluster.end; ++i) {
    Memory::Request& request = requests[order_[i]];
    request.ok = true;
    if (request.size == 0) continue;  // it may have no place to go to
    std::memcpy(request.to, bytes_.data() + cluster.at + (request.address - address), request.size);
  }
}

void ClusteredReads::read(const Memory& memory, std::span<Memory::Request> requests) {
  find_clusters(requests);
  size_t bytes = 0;
  for (size_t i = 0; i < ranges_.size(); ++i) {
    const bool alone = clusters_[i].end - clusters_[i].first == 1;
    clusters_[i].at = bytes;
    if (!alone) bytes += ranges_[i].size;
  }
  if (bytes_.size() < bytes) bytes_.resize(bytes);
  for (size_t i = 0; i < ranges_.size(); ++i) {
    const Cluster& cluster = clusters_[i];
    const bool alone = cluster.end - cluster.first == 1;
    ranges_[i].to = alone ? requests[order_[cluster.first]].to : bytes_.data() + cluster.at;
  }
  memory.read_many(ranges_);
  for (size_t i = 0; i < ranges_.size(); ++i) {
    const Cluster& cluster = clusters_[i];
    if (cluster.end - cluster.first == 1) {
      requests[order_[cluster.first]].ok = ranges_[i].ok;
    } else if (ranges_[i].ok) {
      take(cluster, ranges_[i].address, requests);
    } else {
      // One of them can not be read: which, is seen when each is read alone.
      for (size_t n = cluster.first; n < cluster.end; ++n) {
        memory.read_many({&requests[order_[n]], 1});
      }
    }
  }
}

}  // namespace coroscope
