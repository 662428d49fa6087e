// SPDX-License-Identifier: Apache-2.0
#include "model/ledger.h"

#include <algorithm>

namespace coroscope {
namespace {

using Window = std::unordered_map<uint64_t, const WindowEvent*>;

// What the window alone says: who left, or stopped waiting, having been there.
void add_those_seen_leaving(std::span<const WindowEvent> window, Baseline& baseline) {
  for (const WindowEvent& event : window) {
    const bool was_alive = (event.seen & seen_exit) && !(event.seen & seen_spawn);
    if (was_alive) baseline[event.spawn_stack].live++;
    if (event.seen & seen_first_wait_ended) baseline[event.spawn_stack].parked++;
  }
}

void add_member(const Member& member, const Window& window, Baseline& baseline) {
  const auto found = window.find(member.id);
  const uint32_t seen = found == window.end() ? 0 : found->second->seen;
  if (!(seen & (seen_spawn | seen_exit))) baseline[member.spawn_stack].live++;
  if (member.activity == Activity::parked && !(seen & seen_wait)) {
    baseline[member.spawn_stack].parked++;
  }
}

struct Found {
  int64_t live = 0;
  int64_t parked = 0;
};

// The coroutines of each stack that a census found. Stacks without a slot are
// together in stack 0, as in the account.
std::unordered_map<SpawnStack, Found> count_by_stack(const Census& census, SpawnStack slots) {
  std::unordered_map<SpawnStack, Found> counts;
  for (const Member& member : census.members) {
    Found& found = counts[member.spawn_stack < slots ? member.spawn_stack : 0];
    found.live++;
    found.parked += member.activity == Activity::parked;
  }
  return counts;
}

// Comings and goings up to one moment.
struct Flow {
  uint64_t in = 0;
  uint64_t out = 0;
};

// How far a count is from the range that the flows before and after allow.
uint64_t outside(int64_t count, uint64_t baseline, Flow first, Flow last) {
  const int64_t lowest = static_cast<int64_t>(baseline + first.in - last.out);
  const int64_t highest = static_cast<int64_t>(baseline + last.in - first.out);
  if (count < lowest) return static_cast<uint64_t>(lowest - count);
  if (count > highest) return static_cast<uint64_t>(count - highest);
  return 0;
}

}  // namespace

Baseline settle_baseline(const Census& census, std::span<const WindowEvent> events) {
  Window window;
  window.reserve(events.size());
  for (const WindowEvent& event : events) window.emplace(event.id, &event);

  Baseline baseline;
  add_those_seen_leaving(events, baseline);
  for (const Member& member : census.members) add_member(member, window, baseline);
  return baseline;
}

double Account::completeness() const {
  const uint64_t lost = losses.total();
  if (lost == 0) return 1.0;
  const double known = static_cast<double>(baseline) + static_cast<double>(spawned);
  return known / (known + static_cast<double>(lost));
}

Account balance(const Baseline& baseline, const Counters& counters, const Losses& known) {
  Account account;
  account.losses = known;
  account.losses.window_full = counters.losses.by_cause[WIRE_LOSS_WINDOW_FULL];
  account.losses.bad_arguments = counters.losses.by_cause[WIRE_LOSS_ARGUMENT];
  account.losses.stack_unmapped = counters.losses.by_cause[WIRE_LOSS_STACK_UNMAPPED];
  account.losses.missed_runs = counters.missed_runs;

  const auto slots = static_cast<SpawnStack>(counters.by_stack.size());
  account.slots = slots;
  auto add = [&account](SpawnStack stack, const BaselineCount& before,
                        const StackCounters& events) {
    if (before.live == 0 && before.parked == 0 && events.spawned == 0 && events.exited == 0 &&
        events.parks == 0 && events.unparks == 0) {
      return;
    }
    StackBalance row{stack,
                     before.live,
                     before.parked,
                     static_cast<int64_t>(before.live) + events.live,
                     static_cast<int64_t>(before.parked) + events.parked,
                     events};
    account.baseline += row.baseline;
    account.spawned += events.spawned;
    account.exited += events.exited;
    account.live += row.live;
    account.parked += row.parked;
    account.stacks.push_back(row);
  };

  // Stacks without a slot of their own are counted by the kernel in slot 0, so
  // their baseline has to stand there too for the sum to come out.
  BaselineCount rest;
  for (const auto& [stack, count] : baseline) {
    if (stack == 0 || stack >= slots) {
      rest.live += count.live;
      rest.parked += count.parked;
    }
  }
  for (SpawnStack stack = 0; stack < slots; ++stack) {
    BaselineCount before = rest;
    if (stack != 0) {
      const auto found = baseline.find(stack);
      before = found == baseline.end() ? BaselineCount{} : found->second;
    }
    add(stack, before, counters.by_stack[stack]);
  }
  if (slots == 0) add(0, rest, StackCounters{});
  return account;
}

Audit audit(const Account& before, const Census& census, const Account& after) {
  auto found = count_by_stack(census, after.slots);
  std::unordered_map<SpawnStack, const StackBalance*> earlier;
  for (const StackBalance& row : before.stacks) earlier.emplace(row.spawn_stack, &row);

  Audit unexplained;
  for (const StackBalance& row : after.stacks) {
    const auto at = earlier.find(row.spawn_stack);
    const StackCounters first = at == earlier.end() ? StackCounters{} : at->second->events;
    const StackCounters& last = row.events;
    const Found now = found[row.spawn_stack];
    found.erase(row.spawn_stack);
    unexplained.live +=
        outside(now.live, row.baseline, {first.spawned, first.exited}, {last.spawned, last.exited});
    unexplained.parked += outside(now.parked, row.baseline_parked, {first.parks, first.unparks},
                                  {last.parks, last.unparks});
  }
  // Stacks that the account knows nothing of.
  for (const auto& [stack, rest] : found) {
    unexplained.live += static_cast<uint64_t>(rest.live);
    unexplained.parked += static_cast<uint64_t>(rest.parked);
  }
  const uint64_t unseen = census.losses.total();
  unexplained.live -= std::min(unexplained.live, unseen);
  unexplained.parked -= std::min(unexplained.parked, unseen);
  return unexplained;
}

}  // namespace coroscope
