// SPDX-License-Identifier: Apache-2.0
// Populations: coroutines that were born at one place and wait at one place,
// followed by identity from census to census.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "model/records.h"

namespace coroscope {

// PopulationKey is what the members of a population have in common. In the
// coarser grouping, by spawn stack alone, the other fields stay at their default.
struct PopulationKey {
  SpawnStack spawn_stack = 0;
  ParkedStack parked_stack = no_parked_stack;  // of those parked, or in a blocking call
  Reason reason = 0;                           // of those parked
  Activity activity = Activity::parked;

  bool operator==(const PopulationKey&) const = default;
};

struct PopulationKeyHash {
  size_t operator()(const PopulationKey& key) const;
};

// MemberPlace is where the target's table has a member.
struct MemberPlace {
  uint64_t id = 0;
  uint32_t slot = 0;
};

enum class Grouping : uint8_t {
  by_place,  // spawn stack x parked stack x reason
  by_spawn,  // spawn stack alone: for members that wait now here, now there
};

// Members that have been in a population for this many censuses in a row have
// settled in it, at three levels. The first leaves out those who are passing
// by; the others find what accumulates among members that turn over.
inline constexpr std::array<uint32_t, 3> settled_censuses = {3, 12, 48};

// Settled is, of one level, how many are there now, and how many ever came and
// left again. Differences between two samples are exact also where a count
// has wrapped.
struct Settled {
  uint32_t now = 0;
  uint32_t ever = 0;
  uint32_t left = 0;
};

// PopulationSample is a population at one census.
struct PopulationSample {
  uint64_t time_ns = 0;
  uint32_t census = 0;  // 1 is the first of the target
  uint32_t live = 0;
  std::array<Settled, settled_censuses.size()> settled{};
};

// Population is what is known of one group so far.
struct Population {
  PopulationKey key;
  Grouping grouping = Grouping::by_place;
  uint32_t first_census = 0;  // in which it was seen
  uint64_t live = 0;
  uint64_t joined = 0;             // ever, those of the first census included
  uint64_t left = 0;               // exited, or moved to another place
  uint64_t oldest_since_ns = 0;    // start of the longest present wait; 0: none waits
  uint64_t oldest_spawned_ns = 0;  // birth of the oldest member
  uint64_t example_id = 0;         // the member with the oldest birth
  uint64_t example_object = 0;     // and what it waits on
  uint32_t example_slot = 0;       // and where it is in the target's table
  std::array<Settled, settled_censuses.size()> settled{};
  std::vector<PopulationSample> samples;  // one a census, thinned when there are many
};

// Populations holds all groups of one target. Feeding it the same censuses
// gives the same groups: it has no clock and no other input.
class Populations {
 public:
  // Samples kept for a group; at the limit every second one is dropped.
  static constexpr size_t max_samples = 256;
  // Groups kept; members of further ones are counted in members_dropped().
  static constexpr size_t max_groups = 16384;

  explicit Populations(Grouping grouping) : grouping_(grouping) {}

  // Takes the next census. Members of the runtime itself are left out.
  void add(const Census& census);

  const std::vector<Population>& all() const { return groups_; }
  // Members of a group as of the last census: all of them, or `most` from all
  // over the table. `population` is one of all().
  std::vector<MemberPlace> members(const Population& population, size_t most) const;
  uint64_t censuses() const { return censuses_; }
  // Members that the last census found, but no group had room for.
  uint64_t members_dropped() const { return members_dropped_; }

 private:
  struct Seat {  // what sits in a slot of the target's table
    uint64_t id = 0;
    uint32_t group = 0;
    uint32_t censuses = 0;  // in a row in this group
  };

  PopulationKey key_of(const Member& member) const;
  uint32_t group_of(const PopulationKey& key);
  void leave(const Seat& seat);
  void seat(const Member& member, Seat& seat);
  void note_example(const Member& member, Population& group);
  void record_samples(uint64_t time_ns);

  Grouping grouping_;
  std::vector<Population> groups_;
  std::unordered_map<PopulationKey, uint32_t, PopulationKeyHash> index_;
  std::vector<Seat> seats_;     // by slot
  std::vector<uint64_t> seen_;  // by slot: the census that last saw it
  uint64_t censuses_ = 0;
  uint64_t members_dropped_ = 0;
};

}  // namespace coroscope
