// SPDX-License-Identifier: Apache-2.0
// Detector "stuck": a wait that can not end, as far as can be seen from outside; and
// what else waits tell when they are looked at again and again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "detect/findings.h"
#include "model/populations.h"
#include "model/wait_object.h"

namespace coroscope {

// LookedAt is a parked coroutine as one census found it, with what it waits on as
// it was after that, if it was in the same wait still.
struct LookedAt {
  Member member;
  PopulationKey place;
  bool sampled = true;  // stands for its population; false: somebody waits for it
  std::optional<WaitObject> object;
  std::optional<Select> select;
  // Of one that waits on a wait group: ids of those it has spawned who are there, some.
  std::vector<uint64_t> children{};
};

// WaitLook is what was looked at after one census: some of each population, and those
// whom they wait for, and so on.
struct WaitLook {
  uint64_t time_ns = 0;
  std::vector<LookedAt> members;
  std::unordered_set<uint64_t> ended;  // of the ids that these name: whom the census did not find
  bool tells_deadlines = false;
  // Everybody is parked, nothing will end a wait by itself, and each thread of the process
  // waits for another one.
  bool nobody_left = false;
  std::map<Reason, std::string> reasons;
};

// Stuck says why a wait can not end.
enum class Stuck : uint8_t {
  no,
  nil,           // on no channel
  no_cases,      // a select of none
  nil_cases,     // a select of no channels
  ended_holder,  // for a lock that a coroutine has that has ended
  cycle,         // for itself, perhaps through others
  behind,        // for one that is stuck
  nobody_left,   // as all others of the process do
};

// WaitStep is one of a chain of coroutines, each of which waits for the next.
struct WaitStep {
  uint64_t id = 0;
  uint64_t awaited = 0;   // 0: nobody
  uint64_t object = 0;    // address
  uint64_t taken_at = 0;  // of a lock: where the awaited one took it; 0: not known
  Reason reason = 0;
  ParkedStack parked_stack = no_parked_stack;
};

// PlaceWaits is what the looks tell of one population so far.
struct PlaceWaits {
  // Members that were in the same wait at the look before, and are as stuck, or as
  // little, as then, as far as what they wait on could be read; and who of them is.
  uint64_t looked_at = 0;
  uint64_t stuck = 0;
  Stuck why = Stuck::no;          // of the first of them, as the rest
  std::string cause{};            // in words; no number that tells one member from another
  std::vector<WaitStep> chain{};  // from that member to where it ends, a cycle once; some steps
  bool chain_cut = false;         // it is longer
  bool by_children = false;       // it leads from a wait group to one of its waiter's children

  // Of looked_at: whose channel has as many handles as coroutines that wait on it, all
  // for the same. Who else could act on it would need a reference to one of these.
  uint64_t unreachable = 0;
  uint64_t taker_ended = 0;  // who wait for units of a semaphore that one took last who has ended

  uint64_t members = 0;         // now, of the sample
  uint64_t stayed = 0;          // of those, seen in this place three looks in a row and more
  uint64_t woke = 0;            // of those, in another wait than when they were first seen
  uint64_t orphans = 0;         // of those: who were spawned by one that has ended
  uint64_t no_deadline = 0;     // of members: whose wait has none, where that is told
  uint64_t object_same_ns = 0;  // how long the oldest one's object has had the same count

  bool all_stuck() const { return looked_at > 0 && stuck == looked_at; }
  bool all_unreachable() const { return looked_at > 0 && unreachable == looked_at; }
};
using WaitPlaces = std::unordered_map<PopulationKey, PlaceWaits, PopulationKeyHash>;

// Of those of which all that were looked at are stuck, or unreachable.
PlaceVerdicts stuck_places(const WaitPlaces& waits);

// StuckDetector takes one look after the other. Pure: the same looks, the same answer.
//
// What it says of a wait was so at two looks in a row, and the wait was the same all
// that time: then who holds what did not change in between, and who was named and not
// found has ended, and was not merely born after the census.
class StuckDetector {
 public:
  static constexpr size_t most_steps = 16;  // kept of a chain

  void check(const WaitLook& look);
  const WaitPlaces& places() const { return places_; }

 private:
  struct Known {  // of a member, at the look before
    PopulationKey place;
    uint32_t revision = 0;
    uint32_t looks = 0;  // in a row, in this place
    bool woke = false;
    Stuck stuck = Stuck::no;
    uint64_t length = 0;  // of its object
    uint64_t length_since_ns = 0;
  };

  void count(const WaitLook& look, const LookedAt& seen, Stuck stuck, Known& known);

  std::unordered_map<uint64_t, Known> known_;  // by id
  WaitPlaces places_;
};

// Whom the coroutine waits for; 0: nobody who is known. Of a wait that has a deadline
// nobody, as it ends without.
uint64_t awaited_by(const LookedAt& seen);

// A line for each step of the chain: who waits for whom, why and where; and where the one
// that is waited for took the lock. `code` names the place before a return address.
std::vector<std::string> format_chain(const PlaceWaits& waits,
                                      const std::function<std::string(Reason)>& reason,
                                      const std::function<std::string(ParkedStack)>& place,
                                      const std::function<std::string(uint64_t)>& code);

}  // namespace coroscope
