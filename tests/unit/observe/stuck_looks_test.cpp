// SPDX-License-Identifier: Apache-2.0
#include "observe/stuck_looks.h"

#include <gtest/gtest.h>

#include "fake_target.h"

namespace coroscope {
namespace {

constexpr Reason nil = 3;
constexpr Reason lock = 9;
constexpr uint64_t now_ns = 10'000'000'000;
constexpr ParkedStack in_fetch = 7;

class NamingTarget : public FakeTarget {
 public:
  std::string reason_name(Reason reason) const override {
    return reason == nil ? "chan receive (nil chan)" : "sync.Mutex.Lock";
  }
};

// A census, and another one a moment later.
class Stucks : public ::testing::Test {
 protected:
  void add(uint64_t id, Reason reason) {
    Member member;
    member.id = id;
    member.parent_id = 1000;
    member.object = reason == lock ? 16 * id : 0;
    member.since_ns = 1;
    member.slot = static_cast<uint32_t>(id);
    member.spawn_stack = 1;
    member.parked_stack = in_fetch;
    member.reason = reason;
    member.revision = 2;
    member.activity = Activity::parked;
    first.members.push_back(member);
  }
  void add_waiter(uint64_t id, uint64_t holder) {
    add(id, lock);
    target.objects[16 * id] = {.kind = WaitObject::Kind::mutex, .length = 1, .holder = holder};
  }
  void add_parent() {
    add(1000, lock);
    first.members.back().activity = Activity::running;
  }

  // `meanwhile` makes the second census of the first.
  template <typename Meanwhile>
  const std::map<DumpPlace, DumpVerdict>& verdicts(const Meanwhile& meanwhile) {
    first.slots = 2000;
    first.ended_ns = now_ns;
    first.tells_deadlines = true;
    again = first;
    again.ended_ns = now_ns + 1'000'000;
    for (Member& member : again.members) member.parked_stack = unread_parked_stack;
    meanwhile(again);
    StuckLooks looks(target, [this]() -> Result<Census> {
      taken++;
      if (gone) return Error{ErrorKind::target_gone, "it has ended"};
      return again;
    });
    looks.look(first);
    dump = Dump{};
    dump.reasons = {{nil, target.reason_name(nil)}, {lock, target.reason_name(lock)}};
    looks.tell({[](ParkedStack stack) {
                  return stack == in_fetch ? ReportedStack{{"fetch", "/src/fetch.cpp", 57, 0x20}}
                                           : ReportedStack{};
                },
                [](uint64_t) { return ReportedStack{}; }},
               dump);
    return dump.verdicts;
  }
  static void nothing(Census&) {}

  NamingTarget target;
  Census first;
  Census again;
  Dump dump;
  int taken = 0;
  bool gone = false;
};

TEST_F(Stucks, WhatIsStuckInTheSameWaitIsToldByItsPlace) {
  for (uint64_t id = 1; id <= 3; ++id) add(id, nil);
  const auto& found = verdicts(nothing);
  ASSERT_EQ(found.size(), 1u);
  const DumpVerdict& verdict = found.at({1, in_fetch, nil});
  EXPECT_EQ(verdict.verdict, "stuck");
  EXPECT_EQ(verdict.cause, "no channel");
  EXPECT_EQ(verdict.because,
            (std::vector<std::string>{"3 members were looked at, twice: stuck in the same wait"}));
  EXPECT_EQ(verdict.fix, "make the channel before it is used");
  EXPECT_TRUE(verdict.chain.empty()) << "they wait for nobody";
}

TEST_F(Stucks, WhoWaitsForHimselfHasAChain) {
  add_waiter(1, 2);
  add_waiter(2, 1);
  const auto& found = verdicts(nothing);
  ASSERT_EQ(found.size(), 1u);
  const DumpVerdict& verdict = found.begin()->second;
  EXPECT_EQ(verdict.cause, "a cycle of 2 coroutines, each of which waits for the next");
  ASSERT_EQ(verdict.chain.size(), 2u);
  EXPECT_NE(verdict.chain[0].find("  fetch  fetch.cpp:57"), std::string::npos) << verdict.chain[0];
}

TEST_F(Stucks, WhoWokeInBetweenIsNotStuck) {
  for (uint64_t id = 1; id <= 2; ++id) add(id, nil);
  EXPECT_TRUE(verdicts([](Census& census) {
                for (Member& member : census.members) member.revision++;
              }).empty());
  // Another one in its slot, by chance with the same revision.
  EXPECT_TRUE(verdicts([](Census& census) {
                for (Member& member : census.members) member.id += 100;
              }).empty());
  EXPECT_EQ(taken, 2);
}

// The holder moves on: it is in no place any more, but there it is.
TEST_F(Stucks, WhoMovedInBetweenHasNotEnded) {
  add_parent();
  add_waiter(1, 5);
  add_waiter(2, 99);  // so that there is reason to look again
  add(5, lock);
  for (Member& member : first.members) member.spawn_stack = static_cast<SpawnStack>(member.id);
  const auto& found = verdicts([](Census& census) { census.members.back().revision++; });
  EXPECT_FALSE(found.contains({1, in_fetch, lock}));
  EXPECT_EQ(found.at({2, in_fetch, lock}).cause, "the mutex is held by a coroutine that has ended");
}

TEST_F(Stucks, WhereNothingSeemsStuckThereIsNoSecondLook) {
  add_parent();
  add_waiter(1, 1000);
  EXPECT_TRUE(verdicts(nothing).empty());
  EXPECT_EQ(taken, 0);
}

TEST_F(Stucks, OfOneThatEndsInBetweenNothingIsSaid) {
  for (uint64_t id = 1; id <= 2; ++id) add(id, nil);
  gone = true;
  EXPECT_TRUE(verdicts(nothing).empty());
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace coroscope
