// SPDX-License-Identifier: Apache-2.0
#include "observe/wait_edges.h"

#include <time.h>

#include <optional>
#include <unordered_set>

namespace coroscope {
namespace {

// Who unlocks gives the lock to the one that it wakes, which for a moment has what
// it waits for: longer than that only if the thread loses its core in between.
constexpr timespec between_looks{0, 20'000'000};

bool may_wait_for_one(const Target& target, const Member& member) {
  return member.activity == Activity::parked && member.object != 0 && !member.system &&
         target.may_have_holder(member.reason);
}

// The id of the coroutine; 0: none, or not known. Nothing if the wait is over.
std::optional<uint64_t> awaited_by(const Target& target, const Member& member) {
  const auto object = target.object_of_wait(member);
  if (!object) return std::nullopt;
  return object->awaited();
}

// Edges and the members that they are of, in the same order.
struct Found {
  std::vector<WaitEdge> edges;
  std::vector<uint32_t> members;
  uint64_t moved = 0;  // waits that were over
};

// Leaves out what has changed of those that may be part of a cycle. What has not
// was so all the time since the census, for all of them at once.
WaitEdges without_changed(const Target& target, const Census& census, const Found& found) {
  std::unordered_set<uint64_t> in_doubt;
  bool self = false;
  for (const WaitEdge& edge : cyclic_edges(found.edges)) {
    in_doubt.insert(edge.waiter);
    self = self || edge.waiter == edge.awaited;
  }
  if (self) nanosleep(&between_looks, nullptr);
  WaitEdges result{.edges = {}, .moved = found.moved};
  for (size_t i = 0; i < found.edges.size(); ++i) {
    const WaitEdge& edge = found.edges[i];
    const bool changed = in_doubt.contains(edge.waiter) &&
                         awaited_by(target, census.members[found.members[i]]) != edge.awaited;
    result.moved += changed;
    if (!changed) result.edges.push_back(edge);
  }
  return result;
}

}  // namespace

WaitEdges find_wait_edges(const Target& target, const Census& census) {
  Found found;
  for (uint32_t i = 0; i < census.members.size(); ++i) {
    if (!may_wait_for_one(target, census.members[i])) continue;
    const auto awaited = awaited_by(target, census.members[i]);
    found.moved += !awaited;
    if (awaited.value_or(0) == 0) continue;
    found.edges.push_back({census.members[i].id, *awaited});
    found.members.push_back(i);
  }
  return without_changed(target, census, found);
}

}  // namespace coroscope
