// SPDX-License-Identifier: Apache-2.0
#include "detect/fates.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

namespace coroscope {
namespace {

const std::string& reason_of(const WaitLook& look, const LookedAt& seen) {
  static const std::string unknown;
  const auto found = look.reasons.find(seen.member.reason);
  return found == look.reasons.end() ? unknown : found->second;
}

// What can be told of a wait without looking at others. A wait with a deadline ends.
Stuck stuck_alone(const WaitLook& look, const LookedAt& seen) {
  const std::string& reason = reason_of(look, seen);
  if (reason == "select (no cases)") return Stuck::no_cases;
  if (!look.tells_deadlines || seen.member.deadline_ns != 0) return Stuck::no;
  if (reason.ends_with("(nil chan)")) return Stuck::nil;
  if (seen.select) {
    const Select& select = *seen.select;
    const bool nil = std::all_of(select.cases.begin(), select.cases.end(),
                                 [](const SelectCase& one) { return one.address == 0; });
    if (nil && select.more == 0 && select.deadline_ns == 0) return Stuck::nil_cases;
  }
  return Stuck::no;
}

// Who was started from outside and waits for nothing, alone of its kind, is most
// likely a main function that keeps the program running.
bool is_main(const LookedAt& seen, uint64_t members) {
  return seen.member.parent_id == 0 && members == 1;
}

const char* kind_name(WaitObject::Kind kind) {
  using enum WaitObject::Kind;
  return kind == mutex ? "the mutex" : kind == rw_mutex ? "the lock" : "it";
}

}  // namespace

Fates::Fates(const WaitLook& look)
    : look_(look),
      fates_(look.members.size(), Stuck::no),
      state_(look.members.size()),
      roots_(look.members.size()),
      lengths_(look.members.size()) {
  std::unordered_map<PopulationKey, uint64_t, PopulationKeyHash> members;
  for (size_t i = 0; i < look.members.size(); ++i) {
    by_id_.emplace(look.members[i].member.id, i);
    members[look.members[i].place]++;
  }
  for (size_t i = 0; i < look.members.size(); ++i) {
    const LookedAt& seen = look.members[i];
    if (!is_main(seen, members[seen.place])) fates_[i] = stuck_alone(look, seen);
    if (fates_[i] == Stuck::no && look.ended.contains(awaited_by(seen)) &&
        seen.object->kind != WaitObject::Kind::join) {
      fates_[i] = Stuck::ended_holder;
    }
    if (fates_[i] != Stuck::no) state_[i] = 2;
  }
  if (look.tells_deadlines) {
    for (size_t i = 0; i < look.members.size(); ++i) {
      if (const size_t child = find_child(i); child != nobody) children_.emplace(i, child);
    }
    for (size_t i = 0; i < look.members.size(); ++i) follow(i);
  }
  if (!look.nobody_left) return;
  for (Stuck& fate : fates_) {
    if (fate == Stuck::no) fate = Stuck::nobody_left;
  }
}

// Who waits on a wait group waits for all that it has spawned, if the counter is as many:
// for one of them in vain, if that waits for him in the end, or for one that is stuck.
size_t Fates::find_child(size_t member) const {
  const LookedAt& seen = look_.members[member];
  if (fates_[member] != Stuck::no || seen.member.deadline_ns != 0 || !seen.object) return nobody;
  if (seen.object->kind != WaitObject::Kind::wait_group) return nobody;
  if (seen.children.empty() || seen.children.size() != seen.object->length) return nobody;
  for (const uint64_t id : seen.children) {
    const auto child = by_id_.find(id);
    size_t at = child == by_id_.end() ? nobody : child->second;
    for (size_t steps = 0; at != nobody && steps < StuckDetector::most_steps; ++steps) {
      if (at == member || fates_[at] != Stuck::no) return child->second;
      at = next(at);
    }
  }
  return nobody;
}

size_t Fates::next(size_t member) const {
  if (const auto child = children_.find(member); child != children_.end()) return child->second;
  const uint64_t awaited = awaited_by(look_.members[member]);
  const auto found = awaited == 0 ? by_id_.end() : by_id_.find(awaited);
  return found == by_id_.end() ? nobody : found->second;
}

void Fates::follow(size_t from) {
  std::vector<size_t> path;
  size_t at = from;
  for (; at != nobody && state_[at] == 0; at = next(at)) {
    state_[at] = 1;
    path.push_back(at);
  }
  const bool cycle = at != nobody && state_[at] == 1;
  Stuck fate = at != nobody && fates_[at] != Stuck::no ? Stuck::behind : Stuck::no;
  if (cycle) fate = Stuck::cycle;
  size_t root = at;
  if (at != nobody && fates_[at] == Stuck::behind) root = roots_[at];
  const auto begin = cycle ? std::find(path.begin(), path.end(), at) : path.end();
  for (size_t i = path.size(); i-- > 0;) {
    fates_[path[i]] = fate;
    state_[path[i]] = 2;
    roots_[path[i]] = root;
    lengths_[path[i]] = static_cast<size_t>(path.end() - begin);
    if (cycle && path[i] == at) fate = Stuck::behind;
  }
}

std::string Fates::cause_of_cycle(size_t member) const {
  const LookedAt& seen = look_.members[member];
  if (lengths_[member] > 1) {
    return fmt::format("a cycle of {} coroutines, each of which waits for the next",
                       lengths_[member]);
  }
  if (seen.object->kind == WaitObject::Kind::join) return "it waits for its own end";
  if (seen.object->kind == WaitObject::Kind::rw_mutex && seen.object->holder == 0) {
    return "a cycle: the reader waits behind a writer that waits for the reader";
  }
  return fmt::format("{} is held by the very coroutine that waits for it",
                     kind_name(seen.object->kind));
}

std::string Fates::cause(size_t member) const {
  switch (fates_[member]) {
    case Stuck::nil:
      return "no channel";
    case Stuck::no_cases:
      return "no cases";
    case Stuck::nil_cases:
      return "no case has a channel";
    case Stuck::ended_holder:
      return fmt::format("{} is held by a coroutine that has ended",
                         kind_name(look_.members[member].object->kind));
    case Stuck::cycle:
      return cause_of_cycle(member);
    case Stuck::behind:
      return "it waits for a coroutine that is stuck: " + cause(roots_[member]);
    case Stuck::nobody_left:
      return "nobody is left who could end its wait";
    case Stuck::no:
      break;
  }
  return {};
}

void Fates::tell_chain(size_t member, PlaceWaits& waits) const {
  std::unordered_set<size_t> told;
  for (size_t at = member; at != nobody && told.insert(at).second; at = next(at)) {
    if (told.size() > StuckDetector::most_steps) {
      waits.chain_cut = true;
      return;
    }
    const LookedAt& seen = look_.members[at];
    const size_t awaited = next(at);
    const uint64_t awaited_id =
        awaited != nobody ? look_.members[awaited].member.id : awaited_by(seen);
    waits.by_children = waits.by_children || children_.contains(at);
    waits.chain.push_back({seen.member.id, awaited_id, seen.member.object,
                           seen.object ? seen.object->taken_at : 0, seen.member.reason,
                           seen.place.parked_stack});
  }
}

}  // namespace coroscope
