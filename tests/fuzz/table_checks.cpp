// SPDX-License-Identifier: Apache-2.0
#include "table_checks.h"

#include <coro/abi.h>

#include <algorithm>
#include <numeric>
#include <tuple>
#include <unordered_set>

#include "promise.h"
#include "targets/coro/table_reader.h"

namespace coroscope::fuzz {
namespace {

// Of a census that had the time, so that two of them can be compared.
constexpr uint64_t unhurried_ns = 4'000'000'000;

// Looked for by check_nobody_forgotten, so that it takes no longer than a census.
constexpr uint32_t most_slabs = 64;
constexpr uint32_t most_headers = 1024;

bool has_place(const Member& member) {
  return member.activity == Activity::parked || member.activity == Activity::syscall;
}

bool unhurried(uint64_t started_ns, uint64_t ended_ns) {
  return ended_ns - started_ns < unhurried_ns;
}

uint64_t counted(const Headcount& count) {
  uint64_t sum = count.system;
  for (const auto& row : count.by_spawn_stack) sum += std::accumulate(row.begin(), row.end(), 0ull);
  return sum;
}

void check_member(const Member& member, bool with_stacks, const Census& census,
                  const Target& target) {
  promise(member.id != 0, "a member has an id");
  promise(member.slot < census.slots, "a member's slot is in the table");
  promise(member.revision % 2 == 0, "no member is in the middle of a write");
  promise(member.spawn_stack <= target.stacks_at_most(), "spawn stacks are in the depot");
  promise(!has_place(member) || member.parked_stack != no_parked_stack,
          "who is parked or in a call has a parked stack");
  promise(member.activity != Activity::running || member.parked_stack == no_parked_stack,
          "who runs has none");
  promise(with_stacks || member.parked_stack < first_parked_stack,
          "a census without stacks has none");
}

// Everybody alive in a slab, but for those in `ids`, who were seen before; as a reader
// sees them who looks at one at a time.
uint64_t alive_in(const InputMemory& memory, uint64_t slab, const coro_descriptor& descriptor,
                  std::unordered_set<uint64_t>& ids) {
  uint64_t alive = 0;
  const uint32_t headers = std::min(descriptor.table_slab_headers, most_headers);
  for (uint32_t i = 0; i < headers; ++i) {
    coro_header header{};
    const uint64_t address = slab + uint64_t{i} * descriptor.table_header_size;
    if (!memory.read_value(address, &header)) break;
    const bool settled = header.sequence % 2 == 0 && !coro::is_pending(header.state);
    if (settled && coro::is_well_formed(header) && ids.insert(header.id).second) {
      alive += header.id != 0;
    }
  }
  return alive;
}

}  // namespace

void check_census(const Census& census, bool with_stacks, const Target& target) {
  std::unordered_set<uint64_t> ids;
  std::unordered_set<uint32_t> slots;
  uint64_t unread = 0;
  uint64_t annotated = 0;
  for (const Member& member : census.members) {
    check_member(member, with_stacks, census, target);
    promise(ids.insert(member.id).second, "ids are unique");
    promise(slots.insert(member.slot).second, "a slot has one member");
    annotated += member.annotated;
    unread += member.activity == Activity::parked && member.parked_stack == unread_parked_stack;
  }
  promise(census.annotated == annotated, "those with a name are counted");
  promise(!with_stacks || census.stacks_unread == unread, "stacks that were not read are counted");
  promise(census.stacks_cut <= census.members.size(), "no more stacks are cut than there are");
  promise(census.ended_ns - census.started_ns < census_limit_ns, "a census ends in time");
}

void check_headcount(const Headcount& count) {
  promise(count.stacks + count.stacks_odd <= counted(count), "nobody has two stacks");
  promise(count.stacks_running <= count.stacks, "no more run than there are");
  promise(count.stack_used <= count.stack_reserved, "no stack is fuller than full");
  promise(count.ended_ns - count.started_ns < census_limit_ns, "a count ends in time");
}

void check_same(const Census& census, const Headcount& count) {
  if (!unhurried(census.started_ns, census.ended_ns)) return;
  if (!unhurried(count.started_ns, count.ended_ns)) return;
  // Who has an id that another has too is malformed to a census.
  const uint64_t twice = counted(count) - census.members.size();
  promise(census.losses.malformed == count.losses.malformed + twice,
          "a census and a count see the same coroutines");
  promise(census.losses.total() == count.losses.total() + twice,
          "a census and a count lose the same");
}

void check_nobody_forgotten(const Census& census, const InputMemory& memory) {
  coro_descriptor descriptor{};
  if (!memory.read_value(0x1000, &descriptor)) return;
  std::unordered_set<uint64_t> slabs;
  std::unordered_set<uint64_t> ids;
  uint64_t alive = 0;
  const uint64_t most =
      std::min({descriptor.table_slabs, descriptor.table_directory_capacity, most_slabs});
  for (uint64_t i = 0; i < most; ++i) {
    uint64_t slab = 0;
    if (!memory.read_value(descriptor.table_directory + 8 * i, &slab)) break;
    if (slab == 0 || slab % 8 != 0 || !slabs.insert(slab).second) continue;
    alive += alive_in(memory, slab, descriptor, ids);
  }
  promise(alive <= census.members.size() + census.losses.total(),
          "who is alive is a member, or counted as lost");
}

void check_members_equal(const Census& first, const Census& second) {
  if (!unhurried(first.started_ns, first.ended_ns)) return;
  if (!unhurried(second.started_ns, second.ended_ns)) return;
  const auto same = [](const Member& a, const Member& b) {
    return std::tie(a.id, a.slot, a.parent_id, a.parked_stack, a.spawn_stack, a.activity) ==
           std::tie(b.id, b.slot, b.parent_id, b.parked_stack, b.spawn_stack, b.activity);
  };
  promise(std::equal(first.members.begin(), first.members.end(), second.members.begin(),
                     second.members.end(), same),
          "what is remembered is what was read");
}

}  // namespace coroscope::fuzz
