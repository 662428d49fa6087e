// SPDX-License-Identifier: Apache-2.0
// The verdict on one group: what the detectors say of it, taken together.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "detect/cohort.h"
#include "detect/growth.h"
#include "detect/verdict.h"
#include "model/populations.h"

namespace coroscope {

// JudgeRules is what a user may change. README.md says how the defaults were found.
struct JudgeRules {
  // False alarms to be expected in a day of watching one process, all of its groups
  // together, at the most.
  double false_alarms_a_day = 0.001;
};

// The evidence that both tests have to give, in nats, where `groups` are followed in each way
// of grouping.
double nats_needed(const JudgeRules& rules, double looks_a_day, double groups);

// Patience is for how long a group has to grow at an undiminished rate, and nobody leave it,
// to be a leak if nothing else tells it from a start-up, a pool or a cache that fills.
// While it is watched:
inline constexpr uint64_t default_patience_ns = 3'600'000'000'000;
// For a report on a watch of that length, whose reader asked for no more: a quarter of it,
// and at least 5 s.
uint64_t patience_for(uint64_t watched_ns);
// Whether a watch of that length, with as many looks, can give a verdict at all.
bool long_enough_to_judge(uint64_t watched_ns, uint64_t looks, uint64_t patience_ns);
inline constexpr uint64_t least_looks = 5;

// Ground is why a growth is called a leak.
enum class Ground : uint8_t {
  none,
  outlived,     // its members outlive all that this group has shown, and began to at some time
  patience,     // it has grown for as long as one had patience, undiminished
  unreachable,  // nobody but those who wait has a handle of what they wait for
};

inline constexpr std::array all_grounds = {Ground::none, Ground::outlived, Ground::patience,
                                           Ground::unreachable};
std::string_view ground_name(Ground ground);

// Judgement is a verdict on one group, with its evidence.
struct Judgement {
  Verdict verdict = Verdict::steady;
  Ground ground = Ground::none;
  double nats_needed = 0;  // of growth and cohort both
  uint64_t beyond_ns = 0;  // they are about members that have stayed for longer
  GrowthEvidence growth;
  CohortEvidence cohort;
  uint64_t stayed = 0;      // members that have stayed for longer, now
  uint64_t shown_left = 0;  // departures that showed how long this group's members stay
  uint64_t first_live = 0;  // when the group was first seen, and now
  uint64_t last_live = 0;
  uint64_t watched_ns = 0;   // between these
  uint64_t patience_ns = 0;  // that was had
  double per_second = 0;     // net growth: since it began, or else over that time
};

// Whether it grows as a leak does, but nothing yet tells it from a start-up, a pool or a
// cache: shown without being asked for, too.
bool may_become_fault(const Judgement& judgement);

// On what grounds it is a leak, in words; empty if it is none.
std::string format(const Judgement& judgement);
// "leak +100.0/s"
std::string summary(const Judgement& judgement);

// Look is what is the same for all groups of one census.
struct Look {
  uint64_t time_ns = 0;
  uint64_t before_ns = 0;   // of the census before
  uint64_t process_ns = 0;  // when the process began; 0: not known
  double nats_needed = 0;
  const StayWeights* weights = nullptr;  // for the interval since the census before
};

// GroupJudge follows one group.
class GroupJudge {
 public:
  // `at_first`: the group was there at the first census of all.
  GroupJudge(uint64_t first_ns, uint64_t first_live, bool at_first)
      : first_ns_(first_ns), first_live_(first_live), at_first_(at_first) {}

  // `flows` is room to work in.
  void step(const Stays& stays, const Look& look, Flows& flows);
  Judgement judge(const Stays& stays, const Look& look, uint64_t patience_ns) const;

 private:
  bool outlives(const Judgement& judgement, const Stays& stays, const Look& look) const;
  bool find_leak(const Stays& stays, const Look& look, uint64_t patience_ns,
                 Judgement& judgement) const;
  Verdict shape_of(const Judgement& judgement) const;

  GrowthTest growth_;
  CohortTest cohort_;
  ShownLifetimes shown_;
  uint64_t first_ns_;
  uint64_t first_live_;
  bool at_first_;
};

// Judge follows all groups of one Populations. It has no clock: fed with the same
// censuses it comes to the same verdicts.
class Judge {
 public:
  explicit Judge(const JudgeRules& rules = {}) : rules_(rules) {}

  // After each Populations::add. `process_ns`: when the process began; 0: not known.
  void step(const Populations& populations, uint64_t process_ns);
  // Of one group, by its index in Populations::all().
  Judgement judge(const Populations& populations, size_t group, uint64_t patience_ns) const;

 private:
  Look look() const;

  JudgeRules rules_;
  std::vector<std::unique_ptr<GroupJudge>> groups_;  // null: never had enough members
  size_t followed_ = 0;                              // of them
  std::unique_ptr<StayWeights> weights_;
  uint64_t weights_for_ns_ = 0;
  Flows flows_;
  uint64_t process_ns_ = 0;
  uint64_t first_ns_ = 0;
  uint64_t last_ns_ = 0;
  uint64_t censuses_ = 0;
};

}  // namespace coroscope
