// SPDX-License-Identifier: Apache-2.0
// Populations: coroutines that were born at one place and wait at one place,
// followed by identity from census to census.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "model/age_bins.h"
#include "model/records.h"

namespace coroscope {

// PopulationKey is what the members of a population have in common. In the
// coarser groupings the fields that do not matter stay at their default.
struct PopulationKey {
  SpawnStack spawn_stack = 0;
  ParkedStack parked_stack = no_parked_stack;  // of those parked, or in a blocking call
  Reason reason = 0;                           // of those parked
  Activity activity = Activity::parked;
  LabelValue label = no_label;  // if they are told apart by one

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
  by_place,   // spawn stack x parked stack x reason, x label if asked for
  by_spawn,   // spawn stack alone: for members that wait now here, now there
  by_parked,  // parked stack x reason: for members that are born here and there
};

inline constexpr std::array<Grouping, 3> all_groupings = {Grouping::by_place, Grouping::by_spawn,
                                                          Grouping::by_parked};

// Stays is what the members of a group did between two censuses, by how long they
// had stayed in it. A stay begins with birth where the place does not matter, else
// when the member came to wait there.
struct Stays {
  AgeBins before;   // members at the census before
  AgeBins left;     // of those, not in the group any more
  AgeBins present;  // members now

  // Came meanwhile, in all.
  uint64_t came() const;
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
  Stays stays;                     // between the last two censuses
};

// Populations holds all groups of one target. Feeding it the same censuses
// gives the same groups: it has no clock and no other input.
class Populations {
 public:
  // Groups kept; members of further ones are counted in members_dropped().
  static constexpr size_t max_groups = 16384;

  explicit Populations(Grouping grouping) : grouping_(grouping) {}

  // Takes the next census. Members of the runtime itself are left out.
  void add(const Census& census);

  const std::vector<Population>& all() const { return groups_; }
  // Members of a group as of the last census: all of them, or `most` from all
  // over the table. `population` is one of all().
  std::vector<MemberPlace> members(const Population& population, size_t most) const;
  Grouping grouping() const { return grouping_; }
  uint64_t censuses() const { return censuses_; }
  uint64_t last_census_ns() const { return last_ns_; }
  // Members of all groups, as of the last census.
  uint64_t live() const;
  // Members that the last census found, but no group had room for.
  uint64_t members_dropped() const { return members_dropped_; }

 private:
  // What sits in a slot of the target's table. There may be millions: 24 B each.
  struct Seat {
    uint64_t id = 0;
    uint64_t since_ns = 0;  // start of the stay
    uint32_t seen = 0;      // number of the census that last saw it
    uint16_t group = 0;
    uint16_t age_bin = 0;  // of the stay, at the last census
  };
  static constexpr uint16_t no_group = UINT16_MAX;
  static_assert(max_groups <= no_group);

  PopulationKey key_of(const Member& member, LabelValue label) const;
  uint16_t group_of(const PopulationKey& key);
  void leave(const Seat& seat);
  void seat(const Member& member, LabelValue label, Seat& seat);
  uint64_t stay_since(const Member& member) const;
  void begin_census(const Census& census);
  void note_example(const Member& member, Population& group);

  Grouping grouping_;
  std::vector<Population> groups_;
  std::unordered_map<PopulationKey, uint16_t, PopulationKeyHash> index_;
  std::vector<Seat> seats_;  // by slot
  uint64_t censuses_ = 0;
  uint64_t last_ns_ = 0;
  uint64_t members_dropped_ = 0;
};

}  // namespace coroscope
