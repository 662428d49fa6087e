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

// Header, stack, header again, in one call: the stack belongs to the header if
// the header did not move meanwhile.
bool StackReader::copy_stack(TableHeader& entry, ParkedContext& context) {
  for (int i = 0; i < tries; ++i) {
    if (entry.header.state != CORO_STATE_PARKED || !has_sane_stack(entry.header)) return false;
    const uint64_t sp = entry.header.saved_sp;
    const uint64_t bytes = std::min(entry.header.stack_high - sp, max_stack_bytes);
    buffer_.resize(bytes);
    coro_header before{};
    coro_header after{};
    Memory::Request requests[] = {{entry.address, &before, sizeof before, false},
                                  {sp, buffer_.data(), bytes, false},
                                  {entry.address, &after, sizeof after, false}};
    if (memory_.read_many(requests) != 3) return false;
    if (!is_whole(before, after)) continue;
    if (before.id != entry.header.id) return false;
    const bool same = before.sequence == entry.header.sequence;
    const bool settled = before.state == CORO_STATE_PARKED;
    if (!same && !settled) return false;  // what was read first stays true of its moment
    entry.header = before;
    if (!same && before.saved_sp != sp) continue;
    context = {descriptor_.resume_pc, sp, sp, buffer_};
    return true;
  }
  return false;
}

StackReader::Outcome StackReader::read(TableHeader& entry, const UnwindContext& unwind,
                                       ParkedStack* stack) {
  if (known_.size() <= entry.slot) known_.resize(entry.slot + 1);
  Known& known = known_[entry.slot];
  if (known.id != entry.header.id || known.sequence != entry.header.sequence) {
    ParkedContext context;
    *stack = unread_parked_stack;
    if (monotonic_ns() > until_ns_) return Outcome::unread;
    if (!copy_stack(entry, context)) return Outcome::unread;
    const UnwoundContext unwound = unwind(context);
    known = {entry.header.id, entry.header.sequence, unwound.stack, unwound.complete};
  }
  *stack = known.stack;
  if (known.stack == unread_parked_stack) return Outcome::unread;
  return known.complete ? Outcome::read : Outcome::cut;
}

}  // namespace coroscope::coro
