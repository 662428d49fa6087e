// SPDX-License-Identifier: Apache-2.0
#include "detect/stuck.h"

#include <gtest/gtest.h>

#include "detect/cause.h"
#include "simulation.h"

namespace coroscope {
namespace {

using Kind = WaitObject::Kind;

constexpr Reason lock = 9, nil = 3, no_cases = 6, select_reason = 5, receive = 1;
using testing::second_ns;

// Looks at coroutines, each of a population of its own unless a test says otherwise.
class Looks : public ::testing::Test {
 protected:
  Looks() {
    look.tells_deadlines = true;
    look.reasons = {{lock, "sync.Mutex.Lock"},
                    {nil, "chan receive (nil chan)"},
                    {no_cases, "select (no cases)"},
                    {select_reason, "select"},
                    {receive, "chan receive"}};
  }

  LookedAt& add(uint64_t id, Reason reason) {
    LookedAt& seen = look.members.emplace_back();
    seen.member.id = id;
    seen.member.parent_id = 1000;
    seen.member.object = reason == lock || reason == select_reason ? 16 * id : 0;
    seen.member.reason = reason;
    seen.member.revision = 2;
    seen.place = {.spawn_stack = static_cast<SpawnStack>(id), .parked_stack = 7, .reason = reason};
    return seen;
  }
  void add_waiter(uint64_t id, Kind kind, uint64_t holder) {
    add(id, lock).object = WaitObject{.kind = kind, .length = 1, .holder = holder};
  }

  // As long after the last as a watch has it.
  void take() {
    look.time_ns += second_ns;
    detector.check(look);
  }
  const PlaceWaits& of(uint64_t id) {
    for (const LookedAt& seen : look.members) {
      if (seen.member.id == id) return detector.places().at(seen.place);
    }
    ADD_FAILURE() << id;
    return detector.places().begin()->second;
  }

  WaitLook look;
  StuckDetector detector;
};

TEST_F(Looks, OnlyWhatWasSoTwiceInTheSameWaitIsStuck) {
  add(1, nil);
  take();
  EXPECT_FALSE(of(1).all_stuck());
  take();
  EXPECT_TRUE(of(1).all_stuck());
  look.members[0].member.revision += 4;
  take();
  EXPECT_FALSE(of(1).all_stuck()) << "another wait";
  take();
  EXPECT_TRUE(of(1).all_stuck());
}

TEST_F(Looks, WhatNothingCanEndIsStuck) {
  add(1, nil);
  add(2, no_cases);
  add(3, select_reason).select = Select{.cases = {{.address = 0}, {.address = 0}}};
  add_waiter(4, Kind::mutex, 99);
  look.ended = {99};
  take();
  take();
  EXPECT_EQ(of(1).cause, "no channel");
  EXPECT_EQ(of(2).cause, "no cases");
  EXPECT_EQ(of(3).cause, "no case has a channel");
  EXPECT_EQ(of(4).cause, "the mutex is held by a coroutine that has ended");
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_TRUE(of(id).all_stuck()) << id;
}

TEST_F(Looks, WhatSomethingMayEndIsNot) {
  add(1, select_reason).select = Select{.cases = {{.address = 0}, {.address = 16}}};
  add(2, select_reason).select = Select{.cases = {{.address = 0}}, .deadline_ns = 99};
  add(3, select_reason).select = Select{.cases = {{.address = 0}}, .more = 1};
  add(4, nil).member.deadline_ns = 99;
  add_waiter(5, Kind::mutex, 99);
  look.members.back().member.deadline_ns = 99;
  add_waiter(6, Kind::mutex, 98);  // who is alive
  add_waiter(7, Kind::join, 99);   // who is about to wake it
  add(8, receive).object = WaitObject{.kind = Kind::channel};
  look.ended = {99};
  take();
  take();
  for (uint64_t id = 1; id <= 8; ++id) {
    EXPECT_EQ(of(id).looked_at, 1u) << id;
    EXPECT_EQ(of(id).stuck, 0u) << id;
  }
}

TEST_F(Looks, ARuntimeThatDoesNotTellDeadlinesMayEndItByTime) {
  look.tells_deadlines = false;
  add(1, nil);
  add_waiter(2, Kind::mutex, 2);
  add(3, no_cases);
  take();
  take();
  EXPECT_FALSE(of(1).all_stuck());
  EXPECT_FALSE(of(2).all_stuck());
  EXPECT_TRUE(of(3).all_stuck());
}

TEST_F(Looks, AMainFunctionMayWaitForNothing) {
  add(1, no_cases).member.parent_id = 0;
  add_waiter(2, Kind::join, 1);
  take();
  take();
  EXPECT_FALSE(of(1).all_stuck());
  EXPECT_FALSE(of(2).all_stuck());
  LookedAt second_one = look.members[0];
  second_one.member.id = 3;
  look.members.push_back(second_one);
  take();
  take();
  EXPECT_TRUE(of(1).all_stuck()) << "two are no main function";
}

TEST_F(Looks, ACycleAndWhoeverIsBehindIt) {
  add_waiter(1, Kind::mutex, 2);
  add_waiter(2, Kind::mutex, 3);
  add_waiter(3, Kind::join, 2);
  add_waiter(4, Kind::once, 1);
  add_waiter(5, Kind::mutex, 6);
  add(6, receive);
  take();
  take();
  EXPECT_EQ(of(2).cause, "a cycle of 2 coroutines, each of which waits for the next");
  EXPECT_EQ(of(3).cause, of(2).cause);
  EXPECT_EQ(of(1).cause, "it waits for a coroutine that is stuck: " + of(2).cause);
  EXPECT_EQ(of(4).cause, of(1).cause);
  for (uint64_t id = 1; id <= 4; ++id) EXPECT_TRUE(of(id).all_stuck()) << id;
  EXPECT_FALSE(of(5).all_stuck());
  std::vector<uint64_t> chain;
  for (const WaitStep& step : of(4).chain) chain.push_back(step.id);
  EXPECT_EQ(chain, (std::vector<uint64_t>{4, 1, 2, 3}));
  EXPECT_EQ(of(4).chain.back().awaited, 2u);
  PlaceWaits known = of(3);
  known.chain.back().taken_at = 0x40;
  const auto lines = format_chain(
      known, [](Reason) { return "lock"; }, [](ParkedStack stack) { return std::to_string(stack); },
      [](uint64_t address) { return address == 0x40 ? "begin  a.cpp:1" : ""; });
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "coroutine 3 waits for 2 [lock, 0x30]  7",
                       "coroutine 2 waits for 3 [lock, 0x20]  7, taken by 3 at begin  a.cpp:1"}));
}

// 1 holds the lock that 2 and 3, whom it has spawned, want, and waits for their end.
TEST_F(Looks, AWaitGroupIsOfTheCoroutinesThatItsWaiterHasSpawned) {
  LookedAt& waiter = add(1, lock);
  waiter.object = WaitObject{.kind = Kind::wait_group, .length = 2};
  waiter.children = {2, 3};
  add_waiter(2, Kind::mutex, 1);
  add_waiter(3, Kind::mutex, 1);
  take();
  take();
  EXPECT_TRUE(of(1).all_stuck());
  EXPECT_TRUE(of(2).all_stuck());
  EXPECT_TRUE(of(3).all_stuck());
  EXPECT_EQ(of(1).cause, "a cycle of 2 coroutines, each of which waits for the next");
  EXPECT_TRUE(of(1).by_children);
  EXPECT_EQ(of(1).chain.front().awaited, 2u);
  const Cause cause = find_cause("sync.WaitGroup.Wait", nullptr, &of(1), 0);
  EXPECT_NE(cause.evidence.at(1).find("inferred"), std::string::npos);
}

TEST_F(Looks, AWaitGroupOfMoreThanItsWaiterHasSpawnedIsOfOthers) {
  LookedAt& waiter = add(1, lock);
  waiter.object = WaitObject{.kind = Kind::wait_group, .length = 3};
  waiter.children = {2, 3};
  add_waiter(2, Kind::mutex, 1);
  add(3, receive);
  take();
  take();
  EXPECT_FALSE(of(1).all_stuck());
  EXPECT_FALSE(of(2).all_stuck());
}

TEST_F(Looks, WhoWaitsForItselfSaysHow) {
  add_waiter(1, Kind::mutex, 1);
  add(2, lock).object = WaitObject{.kind = Kind::rw_mutex, .length = 1, .lone_reader = 2};
  add(3, lock).object = WaitObject{.kind = Kind::rw_mutex, .length = 1, .lone_reader = 2};
  take();
  take();
  EXPECT_EQ(of(1).cause, "the mutex is held by the very coroutine that waits for it");
  EXPECT_EQ(of(2).cause, "a cycle: the reader waits behind a writer that waits for the reader");
  EXPECT_EQ(of(3).cause, "it waits for a coroutine that is stuck: " + of(2).cause);
}

TEST_F(Looks, AChainIsKeptInPartAndFollowedWhole) {
  constexpr uint64_t length = 4096;
  for (uint64_t id = 1; id < length; ++id) add_waiter(id, Kind::mutex, id + 1);
  add(length, no_cases);
  take();
  take();
  EXPECT_TRUE(of(1).all_stuck());
  EXPECT_EQ(of(1).chain.size(), StuckDetector::most_steps);
  EXPECT_TRUE(of(1).chain_cut);
}

TEST_F(Looks, APopulationIsStuckIfAllOfItIs) {
  for (uint64_t id = 1; id <= 3; ++id) add(id, nil).place = {.reason = nil};
  add(4, receive).place = {.reason = nil};
  take();
  take();
  EXPECT_EQ(of(1).looked_at, 4u);
  EXPECT_EQ(of(1).stuck, 3u);
  EXPECT_FALSE(of(1).all_stuck());
  look.members.pop_back();
  look.members[2].sampled = false;
  add(5, receive).place = {.reason = nil};
  take();
  EXPECT_EQ(of(1).members, 3u) << "one of those it was not looked at for itself";
  EXPECT_EQ(of(1).looked_at, 2u) << "and one has just come";
  EXPECT_TRUE(of(1).all_stuck());
}

TEST_F(Looks, AChannelIsUnreachableIfOnlyThoseWhoWaitHaveHandles) {
  const auto channel = [&](uint64_t id, WaitObject object) { add(id, receive).object = object; };
  channel(1, {.waiting_receivers = 2, .handles = 2, .deadline_ns = 0});
  channel(2, {.waiting_receivers = 2, .handles = 3, .deadline_ns = 0});
  channel(3, {.waiting_receivers = 1, .handles = 1, .deadline_ns = 99});  // a timer's
  channel(4, {.waiting_senders = 1, .waiting_receivers = 1, .handles = 2, .deadline_ns = 0});
  channel(5, {.waiting_receivers = 1});  // of an older runtime
  take();
  take();
  EXPECT_TRUE(of(1).all_unreachable());
  EXPECT_FALSE(of(1).all_stuck()) << "there may be a reference";
  for (uint64_t id = 2; id <= 5; ++id) EXPECT_FALSE(of(id).all_unreachable()) << id;
}

TEST_F(Looks, WhoWakesAndStaysIsToldFromWhoOnlyWaits) {
  add(1, receive);
  add(2, receive);
  look.ended = {1000};
  for (int i = 0; i < 4; ++i) {
    if (i % 2 == 0) look.members[0].member.revision += 8;
    take();
  }
  EXPECT_EQ(of(1).stayed, 1u);
  EXPECT_EQ(of(1).woke, 1u);
  EXPECT_EQ(of(2).woke, 0u);
  EXPECT_EQ(of(2).orphans, 1u);
  EXPECT_EQ(find_cause("sleep", nullptr, &of(1), 0).act,
            "spawned by a coroutine that has ended; wakes again and again and never leaves");
  EXPECT_EQ(find_cause("sleep", nullptr, &of(2), 0).act, "");
}

TEST_F(Looks, ACauseSaysWhatIsKnownOfTheObject) {
  const WaitObject group{.kind = Kind::wait_group, .length = 1};
  const WaitObject semaphore{.kind = Kind::semaphore, .capacity = 4, .last_taker = 99};
  add(1, receive).object = group;
  add(2, receive).object = semaphore;
  add(3, receive);
  look.ended = {99};
  for (int i = 0; i < 4; ++i) take();
  const Cause counter = find_cause("sync.WaitGroup.Wait", &group, &of(1), 0);
  EXPECT_EQ(counter.act, "counter at 1");
  EXPECT_EQ(counter.evidence, (std::vector<std::string>{"the counter has not changed for 3.0 s"}));
  EXPECT_EQ(find_cause("semacquire", &semaphore, &of(2), 0).act,
            "no units free; who took the last has ended");
  EXPECT_EQ(find_cause("IO wait", nullptr, &of(3), 0).act, "no deadline, and nothing comes");
  EXPECT_EQ(find_cause("IO wait", nullptr, nullptr, 0).act, "");
  for (const Cause& cause : {counter, find_cause("IO wait", nullptr, nullptr, 0)}) {
    EXPECT_NE(cause.fix, "");
  }
}

TEST(StuckFindings, AreOfWholePopulationsAndComeFirst) {
  Tracking tracking;
  Census census{.ended_ns = second_ns, .slots = 3, .members = {}, .losses = {}};
  for (uint32_t slot = 0; slot < 3; ++slot) {
    census.members.push_back(
        {.id = slot + 1, .slot = slot, .spawn_stack = slot, .activity = Activity::parked});
  }
  tracking.add(census, 0);
  const std::vector<Population>& all = tracking.by(Grouping::by_place).all();
  ASSERT_EQ(all.size(), 3u);
  WaitPlaces waits;
  waits[all[1].key] = {.looked_at = 2, .stuck = 2};
  waits[all[2].key] = {.looked_at = 2, .stuck = 1};
  const std::vector<Finding> findings = find_all(tracking, second_ns, true, stuck_places(waits));
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].population, &all[1]);
  EXPECT_EQ(findings[0].judgement.verdict, Verdict::stuck);
  EXPECT_EQ(findings[0].judgement.last_live, 1u);
  EXPECT_EQ(findings[1].judgement.verdict, Verdict::steady);
}

}  // namespace
}  // namespace coroscope
