// SPDX-License-Identifier: Apache-2.0
#include "targets/coro/stack_reader.h"

#include <algorithm>
#include <cstring>

#include "targets/coro/guarded.h"
#include "util/clock.h"

namespace coroscope::coro {
namespace {

constexpr int tries = 8;

// Stacks copied with one call, together at most; what is beyond is copied alone.
constexpr size_t most_ahead_bytes = 4 << 20;

// Headers this far apart are cheaper to read with what is between them.
constexpr uint64_t near_bytes = 4096;

bool is_task(const coro_header& header) {
  return header.kind == CORO_KIND_TASK;
}

// The saved stack pointer has to be inside the stack, which has to be one.
bool has_sane_stack(const coro_header& header) {
  return header.stack_low < header.stack_high && header.saved_sp >= header.stack_low &&
         header.saved_sp < header.stack_high && header.saved_sp % 8 == 0;
}

size_t stack_bytes(const coro_header& header) {
  return std::min(header.stack_high - header.saved_sp, StackReader::max_stack_bytes);
}

ParkedContext context_of_chain(const TaskPlace& chain) {
  ParkedContext context;
  context.places = chain.locations;
  context.places_complete = chain.complete;
  return context;
}

}  // namespace

std::optional<StackBounds> read_stack_bounds(const Memory& memory, uint64_t header_address,
                                             uint64_t id) {
  return read_guarded(memory, header_address, id,
                      [](const coro_header& header) -> std::optional<StackBounds> {
                        if (is_task(header) || header.stack_low >= header.stack_high) return {};
                        return StackBounds{header.stack_low, header.stack_high};
                      });
}

bool has_place(uint32_t state) {
  return state == CORO_STATE_PARKED || state == CORO_STATE_SYSCALL || state == CORO_STATE_RUNNABLE;
}

ParkedContext StackReader::context_of_stack(uint64_t sp, std::span<const std::byte> stack) const {
  return {descriptor_.resume_pc, sp, sp, stack, {}, false};
}

bool StackReader::remembers(const TableHeader& entry) const {
  return entry.slot < known_.size() && known_[entry.slot].id == entry.header.id &&
         known_[entry.slot].sequence == entry.header.sequence;
}

void StackReader::read_ahead(std::span<const TableHeader> entries) {
  ahead_.clear();
  ahead_chains_.clear();
  ahead_size_ = 0;
  next_ = 0;
  if (monotonic_ns() > until_ns_) return;
  for (const TableHeader& entry : entries) {
    if (!has_place(entry.header.state) || remembers(entry)) continue;
    Ahead one;
    one.header_address = entry.address;
    one.id = entry.header.id;
    one.sequence = entry.header.sequence;
    if (add_ahead(entry.header, one)) ahead_.push_back(one);
  }
  copy_ahead();
  look_again();
}

// False if there is nothing of it to read, or no room for that.
bool StackReader::add_ahead(const coro_header& header, Ahead& one) {
  one.task = is_task(header);
  if (one.task) {
    if (header.saved_sp == 0) return false;
    one.chain = ahead_chains_.size();
    ahead_chains_.push_back({header.saved_sp, {}, false});
    return true;
  }
  if (!has_sane_stack(header)) return false;
  one.sp = header.saved_sp;
  one.at = ahead_size_;
  one.size = stack_bytes(header);
  if (ahead_size_ + one.size > most_ahead_bytes) return false;
  ahead_size_ += one.size;
  return true;
}

void StackReader::copy_ahead() {
  if (ahead_bytes_.size() < ahead_size_) ahead_bytes_.resize(ahead_size_);
  requests_.clear();
  for (const Ahead& one : ahead_) {
    if (!one.task) requests_.push_back({one.sp, ahead_bytes_.data() + one.at, one.size, false});
  }
  memory_.read_many(requests_);
  read_places(memory_, ahead_chains_);
  auto request = requests_.begin();
  for (Ahead& one : ahead_) {
    one.good = one.task ? !ahead_chains_[one.chain].locations.empty() : (request++)->ok;
  }
}

// After everything else: whose header is the one from before did not move while
// its place was read.
void StackReader::look_again() {
  for (size_t first = 0; first < ahead_.size();) {
    size_t end = first + 1;
    while (end < ahead_.size() &&
           ahead_[end].header_address - ahead_[end - 1].header_address <= near_bytes) {
      ++end;
    }
    look_again_at({ahead_.data() + first, end - first});
    first = end;
  }
}

void StackReader::look_again_at(std::span<Ahead> run) {
  const uint64_t address = run.front().header_address;
  headers_.resize(run.back().header_address - address + sizeof(coro_header));
  const bool read = memory_.read(address, headers_.data(), headers_.size());
  for (Ahead& one : run) {
    coro_header header{};
    std::memcpy(&header, headers_.data() + (one.header_address - address), sizeof header);
    one.good = one.good && read && header.id == one.id && header.sequence == one.sequence;
  }
}

bool StackReader::take_ahead(const TableHeader& entry, ParkedContext& context) {
  if (next_ == ahead_.size() || ahead_[next_].header_address != entry.address) return false;
  const Ahead& one = ahead_[next_++];
  if (!one.good || one.id != entry.header.id || one.sequence != entry.header.sequence) {
    return false;
  }
  context = one.task ? context_of_chain(ahead_chains_[one.chain])
                     : context_of_stack(one.sp, {ahead_bytes_.data() + one.at, one.size});
  return true;
}

bool StackReader::copy_stack(const coro_header& header, ParkedContext& context) {
  if (!has_sane_stack(header)) return false;
  buffer_.resize(stack_bytes(header));
  context = context_of_stack(header.saved_sp, buffer_);
  return memory_.read(header.saved_sp, buffer_.data(), buffer_.size());
}

bool StackReader::copy_chain(const coro_header& header, ParkedContext& context) {
  if (header.saved_sp == 0) return false;
  chain_ = {header.saved_sp, {}, false};
  read_places(memory_, {&chain_, 1});
  context = context_of_chain(chain_);
  return !chain_.locations.empty();
}

// What was read belongs to the header if the header did not move meanwhile.
StackReader::Copied StackReader::copy_place(TableHeader& entry, ParkedContext& context) {
  for (int i = 0; i < tries; ++i) {
    const coro_header first = entry.header;
    if (!has_place(first.state)) return Copied::left;
    const bool good = is_task(first) ? copy_chain(first, context) : copy_stack(first, context);
    coro_header now{};
    coro_header again{};
    Memory::Request requests[] = {{entry.address, &now, sizeof now, false},
                                  {entry.address, &again, sizeof again, false}};
    if (memory_.read_many(requests) != 2) return Copied::failed;
    if (!is_whole(now, again) || is_pending(now.state)) continue;
    // What was read first stays true of one that has ended.
    if (now.id != first.id || !is_well_formed(now)) return Copied::failed;
    if (now.sequence == first.sequence) return good ? Copied::place : Copied::failed;
    entry.header = now;
  }
  return has_place(entry.header.state) ? Copied::failed : Copied::left;
}

StackReader::Outcome StackReader::read(TableHeader& entry, const UnwindContext& unwind,
                                       ParkedStack* stack) {
  if (known_.size() <= entry.slot) known_.resize(entry.slot + 1);
  Known& known = known_[entry.slot];
  *stack = unread_parked_stack;
  if (!remembers(entry)) {
    ParkedContext context;
    if (!take_ahead(entry, context)) {
      if (monotonic_ns() > until_ns_) return Outcome::unread;
      const Copied copied = copy_place(entry, context);
      if (copied == Copied::left) *stack = no_parked_stack;
      if (copied != Copied::place) {
        return copied == Copied::left ? Outcome::none : Outcome::unread;
      }
    }
    const UnwoundContext unwound = unwind(context);
    known = {entry.header.id, entry.header.sequence, unwound.stack, unwound.complete};
  }
  *stack = known.stack;
  if (known.stack == unread_parked_stack) return Outcome::unread;
  return known.complete ? Outcome::read : Outcome::cut;
}

}  // namespace coroscope::coro
