// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_reader.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "targets/coro/descriptor.h"
#include "util/clock.h"

namespace coroscope::coro {
namespace {

constexpr int tries = 32;                   // for a header that keeps changing
constexpr uint32_t chunk_bytes = 64 << 10;  // copied at once: stays in the L2 cache

bool is_pending(uint32_t state) {
  return state == CORO_STATE_SPAWNING || state == CORO_STATE_PARKING ||
         state == CORO_STATE_UNPARKING || state == CORO_STATE_EXITING;
}

// Two copies, one made after the other, that are equal and not in the middle of
// a write are one whole header.
bool is_whole(const coro_header& first, const coro_header& second) {
  return first.sequence % 2 == 0 && std::memcmp(&first, &second, sizeof first) == 0;
}

}  // namespace

bool is_well_formed(const coro_header& header) {
  if (header.state > CORO_STATE_EXITING) return false;
  return (header.id == 0) == (header.state == CORO_STATE_FREE);
}

std::vector<uint64_t> TableReader::slab_addresses(uint32_t slabs, Pass& pass) const {
  const uint32_t per_slab = descriptor_.table_slab_headers;
  CensusLosses& losses = pass.scan.losses;
  if (slabs > descriptor_.table_directory_capacity) {
    losses.malformed += slabs - descriptor_.table_directory_capacity;
    slabs = descriptor_.table_directory_capacity;
  }
  const uint32_t most = std::max(1u, max_slots / per_slab);
  if (slabs > most) {
    losses.over_limit += uint64_t{slabs - most} * per_slab;
    slabs = most;
  }
  std::vector<uint64_t> addresses(slabs);
  if (slabs > 0 && !memory_.read(descriptor_.table_directory, addresses.data(), 8ull * slabs)) {
    losses.unreadable += uint64_t{slabs} * per_slab;
    return {};
  }
  return addresses;
}

TableReader::Outcome TableReader::judge(const coro_header& header) {
  if (!is_well_formed(header)) return Outcome::malformed;
  if (is_pending(header.state)) return Outcome::pending;
  return header.id == 0 ? Outcome::free : Outcome::live;
}

TableReader::Outcome TableReader::read_again(TableHeader& entry) const {
  coro_header first{};
  coro_header second{};
  for (int i = 0; i < tries; ++i) {
    Memory::Request requests[] = {{entry.address, &first, sizeof first, false},
                                  {entry.address, &second, sizeof second, false}};
    if (memory_.read_many(requests) != 2) return Outcome::unreadable;
    if (!is_whole(first, second)) continue;
    entry.header = first;
    return judge(first);
  }
  return Outcome::torn;
}

void TableReader::file(TableHeader& entry, Outcome outcome, Pass& pass) {
  switch (outcome) {
    case Outcome::live:
      pass.sink(entry);
      break;
    case Outcome::free:
      break;
    case Outcome::pending:
    case Outcome::torn:
      pass.pending.push_back({entry, outcome});
      break;
    case Outcome::unreadable:
      pass.scan.losses.unreadable++;
      break;
    case Outcome::malformed:
      pass.scan.losses.malformed++;
      break;
  }
}

void TableReader::scan_chunk(uint64_t address, uint32_t first_slot, uint32_t headers,
                             Pass& pass) const {
  const size_t stride = descriptor_.table_header_size;
  std::vector<std::byte> first(headers * stride);
  std::vector<std::byte> second(headers * stride);
  Memory::Request requests[] = {{address, first.data(), first.size(), false},
                                {address, second.data(), second.size(), false}};
  if (memory_.read_many(requests) != 2) {
    pass.scan.losses.unreadable += headers;
    return;
  }
  for (uint32_t i = 0; i < headers; ++i) {
    TableHeader entry{first_slot + i, address + i * stride, {}};
    coro_header again{};
    std::memcpy(&entry.header, first.data() + i * stride, sizeof again);
    std::memcpy(&again, second.data() + i * stride, sizeof again);
    const bool whole = is_whole(entry.header, again);
    file(entry, whole ? judge(again) : read_again(entry), pass);
  }
}

void TableReader::scan_slab(uint64_t address, uint32_t first_slot, Pass& pass) const {
  const uint32_t headers = descriptor_.table_slab_headers;
  const uint32_t at_once = std::max(1u, chunk_bytes / descriptor_.table_header_size);
  for (uint32_t done = 0; done < headers; done += at_once) {
    scan_chunk(address + uint64_t{done} * descriptor_.table_header_size, first_slot + done,
               std::min(at_once, headers - done), pass);
  }
}

void TableReader::settle(uint64_t settle_ns, Pass& pass) const {
  const uint64_t deadline = monotonic_ns() + settle_ns;
  for (int round = 0; !pass.pending.empty(); ++round) {
    std::vector<Pending> waiting;
    waiting.swap(pass.pending);
    for (Pending& pending : waiting) file(pending.entry, read_again(pending.entry), pass);
    if (pass.pending.empty()) break;
    if (monotonic_ns() > deadline) {
      for (const Pending& pending : pass.pending) {
        (pending.why == Outcome::torn ? pass.scan.losses.torn : pass.scan.losses.unsettled)++;
      }
      break;
    }
    // A probe with a trap takes half a microsecond: most arrive at once. One
    // whose thread was descheduled in between needs our core.
    if (round < 16) {
      sched_yield();
    } else {
      const timespec pause{0, 200'000};
      nanosleep(&pause, nullptr);
    }
  }
}

TableScan TableReader::scan(uint32_t slabs, uint64_t settle_ns, const Sink& sink) const {
  Pass pass{{}, {}, sink};
  const std::vector<uint64_t> addresses = slab_addresses(slabs, pass);
  std::unordered_set<uint64_t> seen;
  for (uint32_t slab = 0; slab < addresses.size(); ++slab) {
    const uint64_t address = addresses[slab];
    // A slab listed twice would count its coroutines twice.
    if (address == 0 || address % 8 != 0 || !seen.insert(address).second) {
      pass.scan.losses.malformed++;
      continue;
    }
    scan_slab(address, slab * descriptor_.table_slab_headers, pass);
  }
  settle(settle_ns, pass);
  pass.scan.slots = static_cast<uint32_t>(addresses.size()) * descriptor_.table_slab_headers;
  return pass.scan;
}

}  // namespace coroscope::coro
