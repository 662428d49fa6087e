// SPDX-License-Identifier: Apache-2.0
#include "model/ledger.h"

#include <algorithm>
#include <map>

namespace coroscope {
namespace {

using Window = std::unordered_map<uint64_t, const WindowEvent*>;

// How many a coroutine counts for when it waits.
int64_t weight(uint64_t id, uint32_t sample) {
  if (sample <= 1) return 1;
  return wire_sampled(id, sample) != 0 ? sample : 0;
}

// What the window alone says: who left, or stopped waiting, having been there.
void add_those_seen_leaving(std::span<const WindowEvent> window, uint32_t sample,
                            Baseline& baseline) {
  for (const WindowEvent& event : window) {
    const bool was_alive = (event.seen & seen_exit) && !(event.seen & seen_spawn);
    if (was_alive) baseline[event.spawn_stack].live++;
    const bool was_parked = (event.seen & seen_first_wait_ended) != 0;
    if (was_parked) baseline[event.spawn_stack].parked += weight(event.id, sample);
  }
}

void add_member(const Member& member, const Window& window, uint32_t sample, Baseline& baseline) {
  const auto found = window.find(member.id);
  const uint32_t seen = found == window.end() ? 0 : found->second->seen;
  if (!(seen & (seen_spawn | seen_exit))) baseline[member.spawn_stack].live++;
  if (member.activity == Activity::parked && !(seen & seen_wait)) {
    baseline[member.spawn_stack].parked += weight(member.id, sample);
  }
}

// Comings and goings up to one moment.
struct Flow {
  uint64_t in = 0;
  uint64_t out = 0;
};

// How far a count is from the range that the flows before and after allow.
uint64_t outside(int64_t count, int64_t baseline, Flow first, Flow last) {
  const int64_t lowest = baseline + static_cast<int64_t>(first.in - last.out);
  const int64_t highest = baseline + static_cast<int64_t>(last.in - first.out);
  if (count < lowest) return static_cast<uint64_t>(lowest - count);
  if (count > highest) return static_cast<uint64_t>(count - highest);
  return 0;
}

}  // namespace

Baseline settle_baseline(const Census& census, std::span<const WindowEvent> events,
                         uint32_t sample) {
  Window window;
  window.reserve(events.size());
  for (const WindowEvent& event : events) window.emplace(event.id, &event);

  Baseline baseline;
  add_those_seen_leaving(events, sample, baseline);
  for (const Member& member : census.members) add_member(member, window, sample, baseline);
  return baseline;
}

Baseline rebase(const Baseline& settled, const Counters& counted, uint32_t sample) {
  Baseline baseline = settled;
  for (size_t stack = 0; stack < counted.by_stack.size(); ++stack) {
    const StackCounters& events = counted.by_stack[stack];
    if (events.live == 0 && events.parked == 0) continue;
    BaselineCount& count = baseline[static_cast<SpawnStack>(stack)];
    count.live -= events.live;
    count.parked -= events.parked * std::max(1u, sample);
  }
  return baseline;
}

double Account::completeness() const {
  const uint64_t lost = losses.total();
  if (lost == 0) return 1.0;
  const double known =
      static_cast<double>(std::max<int64_t>(baseline, 0)) + static_cast<double>(spawned);
  return known / (known + static_cast<double>(lost));
}

namespace {

// What was counted of a sample, for all.
StackCounters scaled(const StackCounters& counted, uint32_t sample) {
  if (sample <= 1) return counted;
  StackCounters all = counted;
  all.parks *= sample;
  all.unparks *= sample;
  all.parked *= sample;
  all.parked_ns *= sample;
  for (uint64_t& bucket : all.park_ns_log2) bucket *= sample;
  return all;
}

void add_row(SpawnStack stack, const BaselineCount& before, const StackCounters& events,
             Account& account) {
  if (before.live == 0 && before.parked == 0 && events.spawned == 0 && events.exited == 0 &&
      events.parks == 0 && events.unparks == 0) {
    return;
  }
  const StackBalance row{
      stack,  before.live, before.parked, before.live + events.live, before.parked + events.parked,
      events,
  };
  account.baseline += row.baseline;
  account.spawned += events.spawned;
  account.exited += events.exited;
  account.live += row.live;
  account.parked += row.parked;
  account.stacks.push_back(row);
}

void add_kernel_losses(const Counters& counters, Losses& losses) {
  const auto& lost = counters.losses.by_cause;
  losses.window_full = lost[WIRE_LOSS_WINDOW_FULL];
  losses.bad_arguments = lost[WIRE_LOSS_ARGUMENT];
  losses.stack_unmapped = lost[WIRE_LOSS_STACK_UNMAPPED];
  losses.events_unread = lost[WIRE_LOSS_BATCH_UNREAD];
  losses.events_missed = lost[WIRE_LOSS_BATCH_MISSED] + lost[WIRE_LOSS_WORKER];
  losses.events_skipped = lost[WIRE_LOSS_RESYNC];
  losses.missed_runs = counters.missed_runs;
}

}  // namespace

Account balance(const Baseline& baseline, const Counters& counters, const Losses& known,
                const Observed& observed) {
  Account account;
  account.mode = observed.mode;
  account.sample = std::max(1u, observed.sample);
  account.losses = known;
  add_kernel_losses(counters, account.losses);

  const SpawnStack slots = counters.slots();
  account.slots = slots;
  // Stacks without a slot of their own are counted by the kernel in slot 0, so
  // their baseline has to stand there too for the sum to come out.
  BaselineCount rest;
  std::map<SpawnStack, BaselineCount> quiet;  // of which no event was counted
  for (const auto& [stack, count] : baseline) {
    if (stack == 0 || stack >= slots) {
      rest.live += count.live;
      rest.parked += count.parked;
    } else if (stack >= counters.by_stack.size()) {
      quiet.emplace(stack, count);
    }
  }
  for (SpawnStack stack = 0; stack < counters.by_stack.size(); ++stack) {
    BaselineCount before = rest;
    if (stack != 0) {
      const auto found = baseline.find(stack);
      before = found == baseline.end() ? BaselineCount{} : found->second;
    }
    add_row(stack, before, scaled(counters.by_stack[stack], account.sample), account);
  }
  if (counters.by_stack.empty()) add_row(0, rest, StackCounters{}, account);
  for (const auto& [stack, count] : quiet) add_row(stack, count, StackCounters{}, account);
  return account;
}

Baseline found_in(const Census& census, SpawnStack slots) {
  Baseline counts;
  for (const Member& member : census.members) {
    BaselineCount& found = counts[member.spawn_stack < slots ? member.spawn_stack : 0];
    found.live++;
    found.parked += member.activity == Activity::parked;
  }
  return counts;
}

Account account_of(const Baseline& found, SpawnStack slots, const Losses& known) {
  Account account;
  account.mode = ProbeMode::census;
  account.losses = known;
  account.slots = slots;
  const std::map<SpawnStack, BaselineCount> in_order(found.begin(), found.end());
  for (const auto& [stack, count] : in_order) add_row(stack, count, StackCounters{}, account);
  return account;
}

void take_parks_from(const Baseline& found, Account& account) {
  account.parked = 0;
  for (StackBalance& row : account.stacks) {
    const auto count = found.find(row.spawn_stack);
    row.parked = count == found.end() ? 0 : count->second.parked;
    account.parked += row.parked;
  }
}

Audit audit(const Account& before, const Census& census, const Account& after) {
  Baseline found = found_in(census, after.slots);
  std::unordered_map<SpawnStack, const StackBalance*> earlier;
  for (const StackBalance& row : before.stacks) earlier.emplace(row.spawn_stack, &row);

  Audit unexplained;
  const bool tells_who_waits = tells_parks(after.mode) && after.sample == 1;
  for (const StackBalance& row : after.stacks) {
    const auto at = earlier.find(row.spawn_stack);
    const StackCounters first = at == earlier.end() ? StackCounters{} : at->second->events;
    const StackCounters& last = row.events;
    const BaselineCount now = found[row.spawn_stack];
    found.erase(row.spawn_stack);
    unexplained.live +=
        outside(now.live, row.baseline, {first.spawned, first.exited}, {last.spawned, last.exited});
    if (!tells_who_waits) continue;
    unexplained.parked += outside(now.parked, row.baseline_parked, {first.parks, first.unparks},
                                  {last.parks, last.unparks});
  }
  // Stacks that the account knows nothing of.
  for (const auto& [stack, rest] : found) {
    unexplained.live += static_cast<uint64_t>(rest.live);
    if (tells_who_waits) unexplained.parked += static_cast<uint64_t>(rest.parked);
  }
  const uint64_t unseen = census.losses.total();
  unexplained.live -= std::min(unexplained.live, unseen);
  unexplained.parked -= std::min(unexplained.parked, unseen);
  return unexplained;
}

}  // namespace coroscope
