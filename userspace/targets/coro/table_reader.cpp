// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/table_reader.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <unordered_set>

#include "targets/coro/descriptor.h"
#include "util/clock.h"

namespace coroscope::coro {
namespace {

constexpr int reads_in_a_row = 2;            // in a row, for a header that keeps changing
constexpr uint32_t chunk_bytes = 64 << 10;   // copied at once: stays in the L2 cache
constexpr size_t reads_between_looks = 256;  // at the clock

// Headers under change at a time are as many as threads change them; more than
// this are not worth waiting for.
constexpr size_t most_pending = 65536;

}  // namespace

bool is_pending(uint32_t state) {
  return state == CORO_STATE_SPAWNING || state == CORO_STATE_PARKING ||
         state == CORO_STATE_UNPARKING || state == CORO_STATE_EXITING;
}

bool is_whole(const coro_header& first, const coro_header& second) {
  return first.sequence % 2 == 0 && std::memcmp(&first, &second, sizeof first) == 0;
}

bool is_well_formed(const coro_header& header) {
  if (header.state > CORO_STATE_EXITING) return false;
  return (header.id == 0) == (header.state == CORO_STATE_FREE);
}

// Of one that can not be looked at, 0.
std::vector<uint64_t> TableReader::slab_addresses(uint32_t slabs, CensusLosses& losses) const {
  const uint32_t per_slab = descriptor_.table_slab_headers;
  if (slabs > descriptor_.table_directory_capacity) {
    losses.malformed += uint64_t{slabs - descriptor_.table_directory_capacity} * per_slab;
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
  std::unordered_set<uint64_t> seen;
  for (uint64_t& address : addresses) {
    // A slab listed twice would count its coroutines twice.
    if (address % 8 != 0 || !seen.insert(address).second) address = 0;
  }
  return addresses;
}

uint64_t TableReader::header_address(uint32_t slot) const {
  const uint32_t slab = slot / descriptor_.table_slab_headers;
  const uint64_t in_slab = slot % descriptor_.table_slab_headers;
  uint64_t address = 0;
  if (slab >= descriptor_.table_directory_capacity) return 0;
  if (!memory_.read_value(descriptor_.table_directory + 8ull * slab, &address)) return 0;
  if (address == 0 || address % 8 != 0) return 0;
  return address + in_slab * descriptor_.table_header_size;
}

TableReader::Outcome TableReader::judge(const coro_header& header) {
  if (!is_well_formed(header)) return Outcome::malformed;
  if (is_pending(header.state)) return Outcome::pending;
  return header.id == 0 ? Outcome::free : Outcome::live;
}

TableReader::Outcome TableReader::read_again(TableHeader& entry) const {
  coro_header first{};
  coro_header second{};
  for (int i = 0; i < reads_in_a_row; ++i) {
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
      if (pass.pending.size() == most_pending) return give_up(outcome, pass);
      pass.pending.push_back({entry.address, entry.slot, outcome});
      break;
    case Outcome::unreadable:
      pass.losses.unreadable++;
      break;
    case Outcome::malformed:
      pass.losses.malformed++;
      break;
  }
}

void TableReader::give_up(Outcome why, Pass& pass) {
  (why == Outcome::torn ? pass.losses.torn : pass.losses.unsettled)++;
}

void TableReader::scan_chunk(uint64_t address, uint32_t first_slot, uint32_t headers,
                             Pass& pass) const {
  const size_t stride = descriptor_.table_header_size;
  const size_t bytes = headers * stride;
  pass.first.resize(bytes);
  pass.second.resize(bytes);
  Memory::Request requests[] = {{address, pass.first.data(), bytes, false},
                                {address, pass.second.data(), bytes, false}};
  if (memory_.read_many(requests) != 2) {
    pass.losses.unreadable += headers;
    return;
  }
  // Most of a large table stands still: one comparison for all of them.
  const bool still = std::memcmp(pass.first.data(), pass.second.data(), bytes) == 0;
  for (uint32_t i = 0; i < headers; ++i) {
    const std::byte* first = pass.first.data() + i * stride;
    TableHeader entry;
    entry.slot = first_slot + i;
    entry.address = address + i * stride;
    std::memcpy(&entry.header, first, sizeof entry.header);
    const bool same =
        still || std::memcmp(first, pass.second.data() + i * stride, sizeof entry.header) == 0;
    const bool whole = same && entry.header.sequence % 2 == 0;
    // Reading a torn one again here would let a table full of them hold us up.
    file(entry, whole ? judge(entry.header) : Outcome::torn, pass);
  }
}

void TableReader::scan_slab(uint64_t address, uint32_t first_slot, Pass& pass) const {
  const uint32_t headers = descriptor_.table_slab_headers;
  const uint32_t at_once = std::max(1u, chunk_bytes / descriptor_.table_header_size);
  for (uint32_t done = 0; done < headers; done += at_once) {
    if (monotonic_ns() > pass.limits.until_ns) return;
    const uint32_t now = std::min(at_once, headers - done);
    scan_chunk(address + uint64_t{done} * descriptor_.table_header_size, first_slot + done, now,
               pass);
    pass.looked_at += now;
  }
}

// One look at everybody pending; false if there was no time for all of them.
bool TableReader::settle_once(uint64_t deadline_ns, Pass& pass) const {
  std::vector<Pending> waiting;
  waiting.swap(pass.pending);
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (i % reads_between_looks == reads_between_looks - 1 && monotonic_ns() > deadline_ns) {
      pass.pending.insert(pass.pending.end(), waiting.begin() + static_cast<ptrdiff_t>(i),
                          waiting.end());
      return false;
    }
    TableHeader entry{waiting[i].slot, waiting[i].address, {}};
    file(entry, read_again(entry), pass);
  }
  return monotonic_ns() <= deadline_ns;
}

void TableReader::settle(Pass& pass) const {
  const uint64_t deadline_ns =
      std::min(monotonic_ns() + pass.limits.settle_ns, pass.limits.until_ns);
  for (int round = 0; !pass.pending.empty(); ++round) {
    if (!settle_once(deadline_ns, pass)) break;
    if (pass.pending.empty()) break;
    // A probe with a trap takes half a microsecond: most arrive at once. One
    // whose thread was descheduled in between needs our core.
    if (round < 16) {
      sched_yield();
    } else {
      const timespec pause{0, 200'000};
      nanosleep(&pause, nullptr);
    }
  }
  for (const Pending& pending : pass.pending) give_up(pending.why, pass);
}

void TableReader::scan_all(std::span<const uint64_t> addresses, uint32_t first_slab,
                           Pass& pass) const {
  const uint32_t per_slab = descriptor_.table_slab_headers;
  for (uint32_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i] == 0) {
      // Whoever is in the slab that should be there is not seen.
      pass.losses.malformed += per_slab;
      pass.looked_at += per_slab;
    } else {
      scan_slab(addresses[i], (first_slab + i) * per_slab, pass);
    }
  }
  pass.losses.over_limit += addresses.size() * per_slab - pass.looked_at;
}

CensusLosses TableReader::scan_part(std::span<const uint64_t> addresses, uint32_t first_slab,
                                    const ScanLimits& limits, const Sink& sink) const {
  Pass pass{limits, sink, {}, 0, {}, {}, {}};
  scan_all(addresses, first_slab, pass);
  settle(pass);
  return pass.losses;
}

TableScan TableReader::scan(uint32_t slabs, const ScanLimits& limits, const Sink& sink) const {
  return scan(slabs, limits, std::span(&sink, 1));
}

TableScan TableReader::scan(uint32_t slabs, const ScanLimits& limits,
                            std::span<const Sink> sinks) const {
  TableScan whole;
  const std::vector<uint64_t> addresses = slab_addresses(slabs, whole.losses);
  const std::span<const uint64_t> all(addresses);
  const size_t share = (all.size() + sinks.size() - 1) / sinks.size();
  const auto part = [&](size_t i) {
    const size_t first = std::min(i * share, all.size());
    return scan_part(all.subspan(first, std::min(share, all.size() - first)),
                     static_cast<uint32_t>(first), limits, sinks[i]);
  };
  // Where no thread is to be had, a part is done when it is asked for.
  std::vector<std::future<CensusLosses>> others;
  for (size_t i = 1; i < sinks.size(); ++i) others.push_back(std::async(part, i));
  whole.losses += part(0);
  for (auto& other : others) whole.losses += other.get();
  whole.slots = static_cast<uint32_t>(addresses.size()) * descriptor_.table_slab_headers;
  return whole;
}

}  // namespace coroscope::coro
