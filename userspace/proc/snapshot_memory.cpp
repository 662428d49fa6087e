// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "proc/memory.h"

namespace coroscope {

size_t Memory::read_many(std::span<Request> requests) const {
  size_t done = 0;
  for (Request& request : requests) {
    request.ok = read(request.address, request.to, request.size);
    if (request.ok) done++;
  }
  return done;
}

void SnapshotMemory::add(uint64_t address, std::vector<std::byte> bytes) {
  const auto at =
      std::upper_bound(ranges_.begin(), ranges_.end(), address,
                       [](uint64_t value, const Range& range) { return value < range.address; });
  ranges_.insert(at, Range{address, std::move(bytes)});
}

void SnapshotMemory::add(uint64_t address, const void* bytes, size_t size) {
  const auto* first = static_cast<const std::byte*>(bytes);
  add(address, std::vector<std::byte>(first, first + size));
}

bool SnapshotMemory::read(uint64_t address, void* to, size_t size) const {
  if (size == 0) return true;
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), address,
                       [](uint64_t value, const Range& range) { return value < range.address; });
  if (after != ranges_.begin()) {
    const Range& range = *(after - 1);
    const uint64_t offset = address - range.address;
    if (offset <= range.bytes.size() && size <= range.bytes.size() - offset) {
      std::memcpy(to, range.bytes.data() + offset, size);
      return true;
    }
  }
  return fallback_ != nullptr && fallback_->read(address, to, size);
}

}  // namespace coroscope
