// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/stack_reader.h"

#include <algorithm>

#include "util/clock.h"

namespace coroscope::coro {
namespace {

constexpr int tries = 8;

// The saved stack pointer has to be inside the stack, which has to be one.
bool has_sane_stack(const coro_header& header) {
  return header.stack_low < header.stack_high && header.saved_sp >= header.stack_low &&
         header.saved_sp < header.stack_high && header.saved_sp % 8 == 0;
}

}  // namespace

bool has_place(uint32_t state) {
  return state == CORO_STATE_PARKED || state == CORO_STATE_SYSCALL;
}

bool is_task_with_place(const coro_header& header) {
  return header.kind == CORO_KIND_TASK && has_place(header.state) && header.saved_sp != 0;
}

// In one call: header, stack, header again.
bool StackReader::copy_stack(const TableHeader& entry, coro_header& before, coro_header& after) {
  if (!has_sane_stack(entry.header)) return false;
  const uint64_t sp = entry.header.saved_sp;
  buffer_.resize(std::min(entry.header.stack_high - sp, max_stack_bytes));
  Memory::Request requests[] = {{entry.address, &before, sizeof before, false},
                                {sp, buffer_.data(), buffer_.size(), false},
                                {entry.address, &after, sizeof after, false}};
  return memory_.read_many(requests) == 3;
}

bool StackReader::copy_awaits(const TableHeader& entry, coro_header& before, coro_header& after) {
  if (entry.header.saved_sp == 0) return false;
  if (next_ < ahead_.size() && ahead_[next_].header_address == entry.address) {
    task_ = std::move(ahead_[next_++]);
  } else {
    task_ = {};
    task_.header_address = entry.address;
    task_.first = entry.header.saved_sp;
    read_places(memory_, {&task_, 1});
  }
  before = task_.before;
  after = task_.after;
  // A chain that could not be read may be one that was left meanwhile.
  return task_.read && (!task_.locations.empty() || !is_whole(before, after));
}

void StackReader::read_ahead(std::span<const TableHeader> entries) {
  ahead_.clear();
  next_ = 0;
  if (monotonic_ns() > until_ns_) return;
  for (const TableHeader& entry : entries) {
    if (!is_task_with_place(entry.header) || remembers(entry)) continue;
    TaskPlace place;
    place.header_address = entry.address;
    place.first = entry.header.saved_sp;
    ahead_.push_back(std::move(place));
  }
  read_places(memory_, ahead_);
}

bool StackReader::remembers(const TableHeader& entry) const {
  return entry.slot < known_.size() && known_[entry.slot].id == entry.header.id &&
         known_[entry.slot].sequence == entry.header.sequence;
}

// What was read belongs to the header if the header did not move meanwhile.
bool StackReader::copy_place(TableHeader& entry, ParkedContext& context) {
  for (int i = 0; i < tries; ++i) {
    const coro_header first = entry.header;
    if (!has_place(first.state)) return false;
    const bool task = first.kind == CORO_KIND_TASK;
    coro_header before{};
    coro_header after{};
    if (!(task ? copy_awaits(entry, before, after) : copy_stack(entry, before, after))) {
      return false;
    }
    if (!is_whole(before, after)) continue;
    if (before.id != first.id) return false;
    const bool same = before.sequence == first.sequence;
    if (!same && !has_place(before.state)) return false;  // what was read first stays true
    entry.header = before;
    if (!same && (before.saved_sp != first.saved_sp || before.kind != first.kind)) continue;
    if (task) {
      context.places = task_.locations;
      context.places_complete = task_.complete;
    } else {
      context = {descriptor_.resume_pc, first.saved_sp, first.saved_sp, buffer_, {}, false};
    }
    return true;
  }
  return false;
}

StackReader::Outcome StackReader::read(TableHeader& entry, const UnwindContext& unwind,
                                       ParkedStack* stack) {
  if (known_.size() <= entry.slot) known_.resize(entry.slot + 1);
  Known& known = known_[entry.slot];
  if (!remembers(entry)) {
    ParkedContext context;
    *stack = unread_parked_stack;
    if (monotonic_ns() > until_ns_) return Outcome::unread;
    if (!copy_place(entry, context)) return Outcome::unread;
    const UnwoundContext unwound = unwind(context);
    known = {entry.header.id, entry.header.sequence, unwound.stack, unwound.complete};
  }
  *stack = known.stack;
  if (known.stack == unread_parked_stack) return Outcome::unread;
  return known.complete ? Outcome::read : Outcome::cut;
}

}  // namespace coroscope::coro
