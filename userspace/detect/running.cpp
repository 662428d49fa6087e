// SPDX-License-Identifier: Apache-2.0
#include "detect/running.h"

#include <algorithm>

namespace coroscope {

void RunningDetector::check(const Census& census, bool stopped) {
  std::unordered_map<uint64_t, Known> now;
  overdue_.clear();
  for (size_t i = 0; i < census.members.size(); ++i) {
    const Member& member = census.members[i];
    const bool runs = member.activity == Activity::running;
    if (member.system || (!runs && member.activity != Activity::runnable)) continue;
    if (now.size() == most_known) break;
    Known known{member.revision, census.ended_ns};
    const auto before = known_.find(member.id);
    if (!stopped && before != known_.end() && before->second.revision == member.revision) {
      known = before->second;
    }
    now.emplace(member.id, known);
    const uint64_t so_far = census.ended_ns - known.since_ns;
    if (so_far < after_ns_) continue;
    overdue_.push_back(
        {member.id,
         member.slot,
         {.spawn_stack = member.spawn_stack, .activity = member.activity, .label = census.label(i)},
         member.parked_stack,
         so_far,
         runs ? Verdict::busy : Verdict::starved});
  }
  known_ = std::move(now);
  std::stable_sort(overdue_.begin(), overdue_.end(),
                   [](const Overdue& a, const Overdue& b) { return a.for_ns > b.for_ns; });
}

void add_overdue(const std::vector<Overdue>& overdue, PlaceVerdicts& verdicts) {
  for (const Overdue& one : overdue) verdicts.emplace(one.place, one.verdict);
}

}  // namespace coroscope
