// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/coro_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "targets/coro/annotation_reader.h"
#include "targets/coro/guarded.h"
#include "targets/coro/table_counter.h"
#include "util/clock.h"

namespace coroscope::coro {
namespace {

// A coroutine between two states gets there within microseconds, unless its
// thread lost its core; beyond this it is counted as unsettled.
constexpr uint64_t settle_ns = 1'000'000'000;

// A census takes no longer, whatever the target publishes. With stacks it may
// take more: a million of them, read for the first time, are 4 s of work, and a
// population whose stacks were read by halves looks as if it grew. What is left
// of it after the stacks is time to look at everybody.
constexpr uint64_t census_ns = 5'000'000'000;
constexpr uint64_t census_with_stacks_ns = 10'000'000'000;
constexpr uint64_t stacks_ns = 8'000'000'000;

// Coroutines whose stacks are read together, and how far apart they may be in the
// table: the longer they wait for it, the more of them have moved on.
constexpr size_t batch = 256;
constexpr uint32_t batch_slots = 1024;

// Members that there is room for from the beginning.
constexpr uint64_t most_reserved = 2 << 20;

}  // namespace

CoroTarget::CoroTarget(const Process& process, const Memory& memory, DescriptorPlace place,
                       const coro_descriptor& descriptor)
    : process_(process),
      memory_(memory),
      place_(std::move(place)),
      descriptor_(descriptor),
      tells_deadlines_(descriptor.minor >= 3),
      table_(memory, descriptor),
      stacks_(memory, descriptor),
      depot_(memory, descriptor),
      locations_(memory),
      objects_(memory, descriptor),
      schedulers_(memory, descriptor) {}

Result<std::unique_ptr<Target>> CoroTarget::open(const Process& process, const Memory& memory,
                                                 const std::vector<DescriptorPlace>& places) {
  std::unique_ptr<CoroTarget> chosen;
  for (const DescriptorPlace& place : places) {
    auto descriptor = read_descriptor(process, memory, place);
    if (!descriptor) {
      if (places.size() == 1) return descriptor.error();
      continue;
    }
    if (!chosen || (chosen->descriptor_.table_slabs == 0 && descriptor->table_slabs > 0)) {
      chosen.reset(new CoroTarget(process, memory, place, *descriptor));
    }
  }
  if (!chosen) return read_descriptor(process, memory, places.front()).error();
  chosen->other_copies_ = static_cast<uint32_t>(places.size() - 1);
  return std::unique_ptr<Target>(std::move(chosen));
}

std::optional<uint32_t> CoroTarget::read_now(size_t offset) const {
  uint32_t value = 0;
  if (!memory_.read_value(place_.address + offset, &value)) return std::nullopt;
  return value;
}

std::optional<coro_descriptor> CoroTarget::descriptor_now(CensusLosses& losses) const {
  // What was there before, and one at least, is what we lose.
  const uint64_t slots = std::max(1u, slots_);
  coro_descriptor now{};
  if (!copy_descriptor(memory_, place_.address, &now)) {
    losses.unreadable += slots;
    return std::nullopt;
  }
  if (!is_same_descriptor(descriptor_, now)) {
    losses.malformed += slots;
    return std::nullopt;
  }
  return now;
}

std::string CoroTarget::runtime() const {
  return fmt::format("coro {}.{}", descriptor_.major, descriptor_.minor);
}

uint32_t CoroTarget::stacks_now() const {
  const auto entries = read_now(offsetof(coro_descriptor, depot_entries));
  return std::min(entries.value_or(descriptor_.depot_entries), stacks_at_most());
}

uint64_t CoroTarget::coroutines_at_most() const {
  return uint64_t{descriptor_.table_directory_capacity} * descriptor_.table_slab_headers;
}

uint32_t CoroTarget::stacks_at_most() const {
  const uint64_t room =
      uint64_t{descriptor_.depot_directory_capacity} * descriptor_.depot_chunk_entries;
  return static_cast<uint32_t>(std::min<uint64_t>(room, max_stacks));
}

uint64_t CoroTarget::stacks_lost() const {
  coro_counters counters{};
  // What was lost stays lost, also if the target can not be asked any more.
  if (memory_.read_value(descriptor_.counters, &counters) && !process_.executed()) {
    stacks_lost_ = counters.stacks_lost;
  }
  return stacks_lost_;
}

uint32_t CoroTarget::workers() const {
  return read_now(offsetof(coro_descriptor, workers)).value_or(descriptor_.workers);
}

ParkedStack CoroTarget::stack_of(TableHeader& entry, const UnwindContext& unwind, Census& census) {
  if (!has_place(entry.header.state)) return no_parked_stack;
  ParkedStack stack = unread_parked_stack;
  if (!unwind) return entry.header.state == CORO_STATE_RUNNABLE ? no_parked_stack : stack;
  const StackReader::Outcome outcome = stacks_.read(entry, unwind, &stack);
  // Who is in a blocking call may return from it at any moment.
  if (entry.header.state == CORO_STATE_PARKED) {
    census.stacks_unread += outcome == StackReader::Outcome::unread;
  }
  census.stacks_cut += outcome == StackReader::Outcome::cut;
  // Nor has anything been lost of one whose turn has come.
  const bool may_run = entry.header.state == CORO_STATE_RUNNABLE;
  return may_run && stack == unread_parked_stack ? no_parked_stack : stack;
}

Member CoroTarget::member_of(TableHeader& entry, const UnwindContext& unwind, Census& census) {
  const ParkedStack stack = stack_of(entry, unwind, census);
  const coro_header& header = entry.header;
  Member member;
  member.id = header.id;
  member.parent_id = header.parent_id;
  member.object = header.object;
  member.since_ns = header.since_ns;
  member.spawned_ns = header.spawned_ns;
  const bool timed = tells_deadlines_ && header.deadline_sequence == header.sequence;
  member.deadline_ns = timed ? header.deadline_ns : 0;
  member.slot = entry.slot;
  member.spawn_stack = header.spawn_stack_id <= stacks_at_most() ? header.spawn_stack_id : 0;
  member.parked_stack = stack;
  member.reason = header.reason;
  member.revision = header.sequence;
  member.activity = activity_of(header.state);
  member.system = (header.flags & CORO_FLAG_SYSTEM) != 0;
  member.annotated = header.annotation != 0;
  census.annotated += member.annotated;
  return member;
}

void CoroTarget::add_waiting(const UnwindContext& unwind, Census& census) {
  stacks_.read_ahead(waiting_);
  for (TableHeader& entry : waiting_) census.members.push_back(member_of(entry, unwind, census));
  waiting_.clear();
}

void CoroTarget::scan_table(uint32_t slabs, const UnwindContext& unwind, Census& census) {
  uint64_t duplicates = 0;
  ids_.clear();
  // Room for all of them, of which only what is used costs memory. But not for as
  // many as a descriptor may claim: where memory is not overcommitted, there is none.
  const uint64_t slots = uint64_t{slabs} * descriptor_.table_slab_headers;
  census.members.reserve(std::min<uint64_t>(slots, most_reserved));
  stacks_.read_until(census.started_ns + stacks_ns);
  const uint64_t length_ns = unwind ? census_with_stacks_ns : census_ns;
  const ScanLimits limits{settle_ns, census.started_ns + length_ns};
  const TableScan scan = table_.scan(slabs, limits, [&](TableHeader& entry) {
    if (!ids_.insert(entry.header.id)) {
      duplicates++;  // an id is one coroutine's; whose, nobody can tell
    } else if (unwind && has_place(entry.header.state)) {
      waiting_.push_back(entry);
      const bool far = entry.slot - waiting_.front().slot >= batch_slots;
      if (far || waiting_.size() == batch) add_waiting(unwind, census);
    } else {
      census.members.push_back(member_of(entry, unwind, census));
    }
  });
  add_waiting(unwind, census);
  slots_ = scan.slots;
  census.losses = scan.losses;
  census.losses.malformed += duplicates;
}

Result<Census> CoroTarget::census(const UnwindContext& unwind) {
  Census census;
  census.started_ns = monotonic_ns();
  census.tells_deadlines = tells_deadlines_;
  const auto now = descriptor_now(census.losses);
  if (now) scan_table(now->table_slabs, unwind, census);
  census.slots = slots_;
  census.ended_ns = monotonic_ns();
  if (ended(census.losses.total() + census.stacks_unread)) return process_.gone();
  return census;
}

Result<Headcount> CoroTarget::count() {
  Headcount count;
  count.started_ns = monotonic_ns();
  const ScanLimits limits{settle_ns, count.started_ns + census_ns};
  if (const auto now = descriptor_now(count.losses)) {
    slots_ = count_table(table_, now->table_slabs, stacks_at_most() + 1, limits, count);
  }
  count.ended_ns = monotonic_ns();
  if (ended(count.losses.total())) return process_.gone();
  return count;
}

// After the reads: what came before is then of the program that was opened. What
// could not be read of a process that is ending was not lost.
bool CoroTarget::ended(uint64_t unread) const {
  return (unread > 0 ? process_.ending() : !process_.alive()) || process_.executed();
}

std::vector<uint64_t> CoroTarget::spawn_stack(SpawnStack id) {
  if (!depot_.knows(id) && process_.executed()) return {};
  return depot_.stack(id);
}

std::string CoroTarget::reason_name(Reason reason) const {
  return coro::reason_name(reason);
}

bool CoroTarget::is_runtime_function(std::string_view function) const {
  // "coro_" are the C symbols of the context switch and the probes.
  return function.starts_with("coro::") || function.starts_with("coro_");
}

std::optional<WaitObject> CoroTarget::wait_object(uint64_t address) const {
  return objects_.object(address);
}

std::optional<WaitObject> CoroTarget::object_of(uint32_t slot, uint64_t id, uint64_t object) const {
  const uint64_t address = table_.header_address(slot);
  if (address == 0) return std::nullopt;
  return read_guarded(memory_, address, id,
                      [this, object](const coro_header& header) -> std::optional<WaitObject> {
                        const bool waits = header.state == CORO_STATE_PARKED;
                        if (!waits || header.object != object) return std::nullopt;
                        return objects_.object(object);
                      });
}

std::optional<WaitObject> CoroTarget::object_of_wait(const Member& member) const {
  const uint64_t address = table_.header_address(member.slot);
  if (address == 0) return std::nullopt;
  return read_guarded(memory_, address, member.id,
                      [&](const coro_header& header) -> std::optional<WaitObject> {
                        const bool same = header.sequence == member.revision;
                        if (!same || header.state != CORO_STATE_PARKED) return std::nullopt;
                        return objects_.object(header.object);
                      });
}

std::optional<SourcePlace> CoroTarget::place(uint64_t place) {
  if (!locations_.knows(place) && process_.executed()) return std::nullopt;
  return locations_.place(place);
}

std::string CoroTarget::spawn_stack_cut(SpawnStack id) const {
  const uint32_t flags = depot_.flags(id);
  if ((flags & CORO_STACK_TRUNCATED) != 0) return "deeper than the runtime keeps";
  return (flags & CORO_STACK_CUT) != 0 ? "code without frame pointers" : "";
}

std::optional<Annotation> CoroTarget::annotation(uint32_t slot, uint64_t id) const {
  const uint64_t header = table_.header_address(slot);
  return header == 0 ? std::nullopt : read_annotation(memory_, header, id);
}

std::optional<Select> CoroTarget::select(uint32_t slot, uint64_t id) const {
  const uint64_t header = table_.header_address(slot);
  return header == 0 ? std::nullopt : objects_.select(header, id);
}

std::optional<StackBounds> CoroTarget::stack_bounds(uint32_t slot, uint64_t id) const {
  const uint64_t header = table_.header_address(slot);
  return header == 0 ? std::nullopt : read_stack_bounds(memory_, header, id);
}

}  // namespace coroscope::coro
