// SPDX-License-Identifier: Apache-2.0
#include "observe/accounting.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <thread>

#include "util/clock.h"

namespace coroscope {
namespace {

// How far ahead the moments lie at which counting begins and noting ends. By then every
// processor has seen what was stored, and nobody has handed over what happens later.
constexpr uint64_t ahead_ns = 500'000;

// What happened before a moment shows in the target's table, and is in a ring, so long after it
// (PROBES.md).
constexpr uint64_t visible_after_ns = 250'000;

// Who has begun to count a batch is done within microseconds, unless the thread lost its
// processor in the middle of it.
constexpr uint64_t rest_ns = 1'000'000'000;

void sleep_ns(uint64_t ns) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
}

void sleep_until(uint64_t moment_ns) {
  for (uint64_t now = monotonic_ns(); now <= moment_ns; now = monotonic_ns()) {
    sleep_ns(moment_ns - now + 1);
  }
}

std::vector<uint64_t> workers_of(const EventRings& rings) {
  std::vector<uint64_t> workers;
  for (const EventRing& ring : rings.rings) workers.push_back(ring.worker);
  return workers;
}

// Room for the depot to grow; what does not fit is counted, not lost.
uint32_t stacks_wanted(const Target& target) {
  const uint64_t wanted =
      std::max<uint64_t>(WIRE_DEFAULT_STACKS, uint64_t{target.stacks_now()} * 4);
  return static_cast<uint32_t>(std::min<uint64_t>(wanted, uint64_t{target.stacks_at_most()} + 1));
}

}  // namespace

Result<void> Accounting::begin(const ProbePlan& plan, std::shared_ptr<KernelCounters> kernel) {
  plan_ = plan;
  choice_.sample = plan.sample;
  if (!kernel) return {};
  auto slot =
      kernel->add_target({plan.mode, plan.sample, stacks_wanted(target_), plan.parked_stacks});
  if (!slot) return slot.error();
  slot_ = *slot;
  if (auto attached =
          kernel->attach(slot_, process_, {target_.probe_path(), target_.probe_provider()});
      !attached) {
    kernel->remove_target(slot_);
    return attached;
  }
  kernel_ = std::move(kernel);
  if (in_batches()) begin_workers();
  auto settled = count_from_now();
  if (!settled) return settled.error();
  baseline_ = std::move(*settled);
  return {};
}

// What waits in a ring from before may be of another observer's time.
void Accounting::begin_workers() {
  for (const EventRing& ring : target_.event_rings().rings) {
    kernel_->begin_worker(slot_, ring.worker, ring.flushed, ring.first + ring.events.size());
  }
}

Result<Baseline> Accounting::count_from_now() {
  choice_.since_ns = in_batches() ? monotonic_ns() + ahead_ns : 0;
  kernel_->start_counting(slot_, choice_.since_ns);
  if (in_batches()) sleep_until(choice_.since_ns + visible_after_ns);
  // Without stacks: the shorter the window, the less has to be noted in it.
  auto census = target_.census({});
  auto noted = close_window();
  if (!census) return census.error();
  if (!noted) return noted.error();
  losses_.census = census->losses;
  synced_ns_ = census->ended_ns;
  lost_before_ = kernel_->events_lost(slot_);
  const auto moments = in_batches() ? Moments::sequences : Moments::times;
  return settle_baseline(*census, seen_of(*noted, moments), plan_.sample);
}

Result<Noted> Accounting::close_window() {
  if (!in_batches()) {
    kernel_->close_window(slot_);
    return kernel_->take_noted(slot_);
  }
  const uint64_t until_ns = monotonic_ns() + ahead_ns;
  kernel_->note_until(slot_, until_ns);
  sleep_until(until_ns + visible_after_ns);
  const EventRings rings = target_.event_rings();
  kernel_->close_window(slot_);
  const WorkerMarks marks = marks_at_rest(rings);
  auto noted = kernel_->take_noted(slot_);
  if (noted) note_waiting(rings, marks, choice_, until_ns, *noted);
  return noted;
}

// After a change of the mode: who has not seen it has begun by now, and is waited for.
WorkerMarks Accounting::marks_at_rest(const EventRings& rings) {
  const std::vector<uint64_t> workers = workers_of(rings);
  const uint64_t end = monotonic_ns() + rest_ns;
  for (;;) {
    sleep_ns(ahead_ns);
    const WorkerMarks marks = kernel_->marks(slot_, workers);
    uint64_t counting = 0;
    for (const auto& [worker, mark] : marks) counting += mark.next - mark.done;
    if (counting == 0) return marks;
    if (monotonic_ns() >= end) {
      unsettled_ += counting;
      return marks;
    }
  }
}

Accounting::Look Accounting::look() const {
  Look look;
  const EventRings rings = in_batches() ? target_.event_rings() : EventRings{};
  look.rings_unread = rings.unread;
  look.workers = workers_of(rings);
  look.least = kernel_->read(slot_);
  look.most = look.least;
  if (!in_batches()) return look;
  const WorkerMarks marks = kernel_->marks(slot_, look.workers);
  add_waiting(rings, marks, choice_, look.least);
  add_all_waiting(rings, choice_, look.most);
  return look;
}

Account Accounting::account_of(const Counters& counters, uint64_t rings_unread) const {
  Losses known = losses_;
  known.stacks_lost = target_.stacks_lost();
  // Nobody can read what a process that has ended did not hand over.
  known.rings_unread = rings_unread > 0 && process_.ending() ? 0 : rings_unread;
  Account account = balance(baseline_, counters, known, {plan_.mode, plan_.sample});
  account.losses.window_full += unsettled_;
  if (!tells_parks(plan_.mode)) take_parks_from(found_, account);
  return account;
}

Account Accounting::now() const {
  if (!kernel_) return account_;
  const Look seen = look();
  return account_of(seen.least, seen.rings_unread);
}

Result<Census> Accounting::check(const std::function<Result<Census>()>& take_census) {
  Account before;
  Look after;
  if (kernel_) {
    const Look seen = look();
    before = account_of(seen.least, seen.rings_unread);
  }
  auto census = take_census();
  if (kernel_) {
    if (census && !tells_parks(plan_.mode)) found_ = found_in(*census, kernel_->stacks(slot_));
    after = look();
    settle(after);
    if (!census) return census;
    // What is missing stays missing: the largest difference ever seen counts.
    const Audit unexplained = audit(before, *census, account_of(after.most, after.rings_unread));
    losses_.unaccounted = std::max(losses_.unaccounted, unexplained.live);
    losses_.unaccounted_parks = std::max(losses_.unaccounted_parks, unexplained.parked);
    account_.losses.unaccounted = losses_.unaccounted;
    account_.losses.unaccounted_parks = losses_.unaccounted_parks;
  }
  if (!census) return census;
  losses_.latest = census->losses;
  account_.losses.latest = census->losses;
  if (!kernel_) {
    Losses known = losses_;
    known.stacks_lost = target_.stacks_lost();
    const SpawnStack slots = target_.stacks_at_most() + 1;
    account_ = coroscope::account_of(found_in(*census, slots), slots, known);
    return census;
  }
  if (auto kept = keep_up(after, true); !kept) return kept.error();
  return census;
}

Result<void> Accounting::glance() {
  if (!process_.alive() || process_.executed()) return process_.gone();
  if (!kernel_) return {};
  const Look seen = look();
  settle(seen);
  return keep_up(seen, false);
}

// Before the target has as many stacks as there is room for; and once something was lost.
Result<void> Accounting::keep_up(const Look& seen, bool after_census) {
  const uint32_t wanted = stacks_wanted(target_);
  if (kernel_->stacks(slot_) < std::min(wanted, 2 * target_.stacks_now())) {
    if (auto grown = kernel_->grow(slot_, wanted); !grown) return grown;
  }
  if (in_batches()) forget_workers(seen, after_census);
  const bool lost = kernel_->events_lost(slot_) > lost_before_;
  if (lost && monotonic_ns() - synced_ns_ >= plan_.resync_every_ns) return resync();
  return {};
}

// To go through all workers of all targets takes longer than the rest of a look. Those that never
// were, which a wrong batch names, can wait for the next census.
void Accounting::forget_workers(const Look& seen, bool after_census) {
  if (seen.rings_unread == 0 && (after_census || seen.workers != workers_)) {
    kernel_->forget_workers(slot_, seen.workers, highest_worker_);
  }
  workers_ = seen.workers;
  for (const uint64_t worker : workers_) highest_worker_ = std::max(highest_worker_, worker);
}

// A batch that no runtime would hand over may have said that its worker had come further than
// it has: all that it hands over until then would be taken for known. And workers that nobody
// has take the room of others. `marks` are older than what is read here of the rings.
void Accounting::correct_workers(const WorkerMarks& marks) {
  const EventRings rings = target_.event_rings();
  if (rings.unread > 0) return;
  std::vector<uint64_t> right;
  for (const EventRing& ring : rings.rings) {
    const auto mark = marks.find(ring.worker);
    const uint64_t written = ring.first + ring.events.size();
    if (mark == marks.end() || mark->second.next <= written) right.push_back(ring.worker);
  }
  kernel_->forget_workers(slot_, right, std::numeric_limits<uint64_t>::max());
  begin_workers();
}

Result<void> Accounting::resync() {
  kernel_->stop_counting(slot_);
  const EventRings rings = in_batches() ? target_.event_rings() : EventRings{};
  const WorkerMarks marks = marks_at_rest(rings);
  if (in_batches()) correct_workers(marks);
  const Counters counted = kernel_->read(slot_);
  auto settled = count_from_now();
  if (!settled) return settled.error();
  baseline_ = rebase(*settled, counted, plan_.sample);
  ++resyncs_;
  return {};
}

void Accounting::close() {
  if (kernel_) settle(look());
}

void Accounting::settle(const Look& seen) {
  parks_ = seen.least.by_parked_stack;
  account_ = account_of(seen.least, seen.rings_unread);
}

void Accounting::detach_all(const std::vector<Accounting*>& accountings) {
  std::map<KernelCounters*, std::vector<uint32_t>> slots;
  for (Accounting* accounting : accountings) {
    accounting->close();
    if (accounting->kernel_) slots[accounting->kernel_.get()].push_back(accounting->slot_);
  }
  for (const auto& [kernel, taken] : slots) kernel->take_out(taken);
  for (Accounting* accounting : accountings) accounting->release();
}

void Accounting::detach() {
  close();
  release();
}

void Accounting::release() {
  if (!kernel_) return;
  kernel_->remove_target(slot_);
  kernel_.reset();
}

void Accounting::dropped_members(uint64_t count) {
  losses_.members_dropped = count;
  account_.losses.members_dropped = count;
}

}  // namespace coroscope
