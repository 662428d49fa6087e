// SPDX-License-Identifier: Apache-2.0
#include "model/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace coroscope {
namespace {

Member member(uint64_t id, SpawnStack stack, Activity activity) {
  Member m;
  m.id = id;
  m.spawn_stack = stack;
  m.activity = activity;
  return m;
}

TEST(SettleBaseline, CountsWhomTheCensusFoundAndNobodySawBorn) {
  Census census;
  census.members = {member(1, 7, Activity::parked), member(2, 7, Activity::running),
                    member(3, 8, Activity::runnable)};
  const std::vector<WindowEvent> window = {{3, seen_spawn, 8}};
  const Baseline baseline = settle_baseline(census, window);
  EXPECT_EQ(baseline.at(7).live, 2u);
  EXPECT_EQ(baseline.at(7).parked, 1u);
  EXPECT_FALSE(baseline.contains(8));
}

TEST(SettleBaseline, AnExitWithoutASpawnWasAlive) {
  const std::vector<WindowEvent> window = {{1, seen_exit, 7}, {2, seen_spawn | seen_exit, 7}};
  EXPECT_EQ(settle_baseline({}, window).at(7).live, 1u);
}

TEST(SettleBaseline, WhoIsInBothIsCountedOnce) {
  Census census;
  census.members = {member(1, 7, Activity::parked)};
  const std::vector<WindowEvent> window = {{1, seen_wait | seen_first_wait_ended | seen_exit, 7}};
  const Baseline baseline = settle_baseline(census, window);
  EXPECT_EQ(baseline.at(7).live, 1u);
  EXPECT_EQ(baseline.at(7).parked, 1u);
}

TEST(SettleBaseline, AParkThatWasCountedIsNotABaseline) {
  Census census;
  census.members = {member(1, 7, Activity::parked)};
  const std::vector<WindowEvent> window = {{1, seen_wait, 7}};
  EXPECT_EQ(settle_baseline(census, window).at(7).parked, 0u);
}

// A world of coroutines that spawn, park, unpark and exit one step at a time,
// with counting beginning and the census looking at one slot after the other at
// moments of chance: baseline + events has to be the truth, always.
class World {
 public:
  explicit World(uint32_t seed) : random_(seed) {}

  void step() {
    const uint32_t slot = pick(slots);
    Coroutine& c = table_[slot];
    if (c.id == 0) {
      c = {next_id_++, 1 + pick(3), false};
      event(c, seen_spawn, +1, 0);
    } else if (c.parked) {
      c.parked = false;
      event(c, seen_wait, 0, -1);
    } else if (pick(2) == 0) {
      c.parked = true;
      event(c, seen_wait, 0, +1);
    } else {
      event(c, seen_exit, -1, 0);
      c = {};
    }
  }

  void start_counting() { counting_ = window_open_ = true; }
  void close_window() { window_open_ = false; }

  void look_at(uint32_t slot, Census& census) const {
    const Coroutine& c = table_[slot];
    if (c.id == 0) return;
    census.members.push_back(
        member(c.id, c.stack, c.parked ? Activity::parked : Activity::running));
  }

  std::vector<WindowEvent> window() const {
    std::vector<WindowEvent> events;
    for (const auto& [id, event] : window_) events.push_back(event);
    return events;
  }
  const Counters& counters() const { return counters_; }

  std::map<SpawnStack, std::pair<int64_t, int64_t>> truth() const {
    std::map<SpawnStack, std::pair<int64_t, int64_t>> counts;
    for (const Coroutine& c : table_) {
      if (c.id == 0) continue;
      counts[c.stack].first++;
      counts[c.stack].second += c.parked;
    }
    return counts;
  }

  uint32_t pick(uint32_t below) { return static_cast<uint32_t>(random_() % below); }
  static constexpr uint32_t slots = 16;

 private:
  struct Coroutine {
    uint64_t id = 0;
    SpawnStack stack = 0;
    bool parked = false;
  };

  void event(const Coroutine& c, uint32_t seen, int live, int parked) {
    if (!counting_) return;
    StackCounters& row = counters_.by_stack[c.stack];
    row.spawned += live > 0;
    row.exited += live < 0;
    row.parks += parked > 0;
    row.unparks += parked < 0;
    row.live += live;
    row.parked += parked;
    if (!window_open_) return;
    WindowEvent& noted = window_[c.id];
    noted.id = c.id;
    noted.spawn_stack = c.stack;
    if (parked < 0 && !(noted.seen & seen_wait)) seen |= seen_first_wait_ended;
    noted.seen |= seen;
  }

  std::mt19937 random_;
  std::array<Coroutine, slots> table_{};
  uint64_t next_id_ = 1;
  bool counting_ = false;
  bool window_open_ = false;
  Counters counters_{std::vector<StackCounters>(8), 0, {}, {}, 0};
  std::map<uint64_t, WindowEvent> window_;
};

TEST(Ledger, BaselineAndEventsAreTheTruthWheneverOneAttaches) {
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    World world(seed);
    auto run = [&world](uint32_t steps) {
      for (uint32_t i = 0; i < steps; ++i) world.step();
    };
    run(world.pick(100));
    world.start_counting();
    run(world.pick(20));
    Census census;
    for (uint32_t slot = 0; slot < World::slots; ++slot) {
      world.look_at(slot, census);
      run(world.pick(4));
    }
    world.close_window();
    run(world.pick(200));

    const Account account =
        balance(settle_baseline(census, world.window()), world.counters(), Losses{});
    auto truth = world.truth();
    for (const StackBalance& row : account.stacks) {
      EXPECT_EQ(row.live, truth[row.spawn_stack].first) << "seed " << seed;
      EXPECT_EQ(row.parked, truth[row.spawn_stack].second) << "seed " << seed;
      truth.erase(row.spawn_stack);
    }
    EXPECT_TRUE(truth.empty()) << "seed " << seed;
    EXPECT_EQ(account.completeness(), 1.0);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

TEST(Ledger, AnAuditFindsNothingWhenNothingIsMissing) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    World world(seed);
    world.start_counting();
    for (int i = 0; i < 100; ++i) world.step();
    const Account before = balance({}, world.counters(), Losses{});
    Census census;
    for (uint32_t slot = 0; slot < World::slots; ++slot) {
      world.look_at(slot, census);
      for (uint32_t i = world.pick(3); i > 0; --i) world.step();
    }
    const Account after = balance({}, world.counters(), Losses{});
    const Audit unexplained = audit(before, census, after);
    EXPECT_EQ(unexplained.live, 0u) << "seed " << seed;
    EXPECT_EQ(unexplained.parked, 0u) << "seed " << seed;
  }
}

TEST(Ledger, AnAuditFindsAMissedEvent) {
  Counters counters{std::vector<StackCounters>(4), 0, {}, {}, 0};
  counters.by_stack[2].spawned = 5;
  counters.by_stack[2].live = 5;
  counters.by_stack[2].parks = 3;
  counters.by_stack[2].parked = 3;
  const Account account = balance({}, counters, Losses{});
  Census census;
  for (uint64_t id = 1; id <= 3; ++id) census.members.push_back(member(id, 2, Activity::parked));
  EXPECT_EQ(audit(account, census, account).live, 2u);
  EXPECT_EQ(audit(account, census, account).parked, 0u);
  census.members[0].activity = Activity::running;
  EXPECT_EQ(audit(account, census, account).parked, 1u);
  census.losses.unreadable = 2;
  EXPECT_EQ(audit(account, census, account).live, 0u) << "explained by what the census did not see";
}

TEST(Ledger, AnAuditFindsCoroutinesOfAStackThatNoEventNamed) {
  const Counters counters{std::vector<StackCounters>(4), 0, {}, {}, 0};
  const Account account = balance({}, counters, Losses{});
  Census census;
  census.members = {member(1, 3, Activity::parked), member(2, 0, Activity::running),
                    member(3, 900, Activity::running)};
  EXPECT_EQ(audit(account, census, account).live, 3u);
  EXPECT_EQ(audit(account, census, account).parked, 1u);
}

TEST(Ledger, AnAuditAddsUpStacksWithoutASlot) {
  const Baseline baseline = {{100, {1, 1}}, {200, {1, 0}}};
  const Counters counters{std::vector<StackCounters>(4), 0, {}, {}, 0};
  const Account account = balance(baseline, counters, Losses{});
  Census census;
  census.members = {member(1, 100, Activity::parked), member(2, 200, Activity::running)};
  EXPECT_EQ(audit(account, census, account).live, 0u);
  census.members.pop_back();
  EXPECT_EQ(audit(account, census, account).live, 1u);
}

TEST(Ledger, StacksWithoutASlotAreBalancedTogether) {
  const Baseline baseline = {{100, {3, 1}}, {0, {2, 0}}};
  Counters counters{std::vector<StackCounters>(4), 0, {}, {}, 0};
  counters.by_stack[0].exited = 4;
  counters.by_stack[0].live = -4;
  counters.losses.by_cause[WIRE_LOSS_STACK_UNMAPPED] = 4;
  const Account account = balance(baseline, counters, Losses{});
  EXPECT_EQ(account.live, 1);
  EXPECT_EQ(account.baseline, 5u);
  EXPECT_LT(account.completeness(), 1.0);
}

TEST(Ledger, StacksOfWhichNothingWasCounted) {
  const Baseline baseline = {{2, {3, 1}}, {9, {4, 4}}, {100, {5, 0}}};
  Counters counters{std::vector<StackCounters>(2), 10, {}, {}, 0};
  counters.by_stack[1].spawned = 1;
  counters.by_stack[1].live = 1;
  const Account account = balance(baseline, counters, Losses{});
  EXPECT_EQ(account.live, 13);
  EXPECT_EQ(account.parked, 5);
  std::vector<std::pair<SpawnStack, int64_t>> rows;
  for (const StackBalance& row : account.stacks) rows.emplace_back(row.spawn_stack, row.live);
  EXPECT_EQ(rows, (std::vector<std::pair<SpawnStack, int64_t>>{{0, 5}, {1, 1}, {2, 3}, {9, 4}}))
      << "100 has no slot";
}

TEST(Ledger, EveryLossLowersTheCompleteness) {
  Counters counters{std::vector<StackCounters>(4), 0, {}, {}, 0};
  counters.by_stack[1].spawned = 10;
  EXPECT_EQ(balance({}, counters, Losses{}).completeness(), 1.0);
  for (const int cause : {WIRE_LOSS_STACK_UNMAPPED, WIRE_LOSS_WINDOW_FULL, WIRE_LOSS_ARGUMENT}) {
    Counters lossy = counters;
    lossy.losses.by_cause[cause] = 1;
    EXPECT_LT(balance({}, lossy, Losses{}).completeness(), 1.0) << cause;
  }
  Counters missed = counters;
  missed.missed_runs = 1;
  EXPECT_LT(balance({}, missed, Losses{}).completeness(), 1.0);
  for (uint64_t CensusLosses::*cause :
       {&CensusLosses::torn, &CensusLosses::unsettled, &CensusLosses::unreadable,
        &CensusLosses::malformed, &CensusLosses::over_limit}) {
    for (CensusLosses Losses::*when : {&Losses::census, &Losses::latest}) {
      Losses losses;
      (losses.*when).*cause = 1;
      EXPECT_LT(balance({}, counters, losses).completeness(), 1.0);
    }
  }
  for (uint64_t Losses::*cause : {&Losses::unaccounted, &Losses::unaccounted_parks,
                                  &Losses::stacks_lost, &Losses::members_dropped}) {
    Losses losses;
    losses.*cause = 1;
    EXPECT_LT(balance({}, counters, losses).completeness(), 1.0);
  }
}

}  // namespace
}  // namespace coroscope
