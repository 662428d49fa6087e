// SPDX-License-Identifier: Apache-2.0
#include "detect/stuck.h"

#include <fmt/format.h>

#include <algorithm>

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

// Fates finds out for all members of a look who is stuck: from each along those it
// waits for, to where that ends. Each waits for one at most.
class Fates {
 public:
  explicit Fates(const WaitLook& look);

  Stuck of(size_t member) const { return fates_[member]; }
  std::string cause(size_t member) const;
  void tell_chain(size_t member, PlaceWaits& waits) const;

 private:
  static constexpr size_t nobody = SIZE_MAX;

  size_t next(size_t member) const;  // whom it waits for
  void follow(size_t from);
  std::string cause_of_cycle(size_t member) const;

  const WaitLook& look_;
  std::unordered_map<uint64_t, size_t> by_id_;
  std::vector<Stuck> fates_;
  std::vector<uint8_t> state_;   // 0: not followed, 1: on the path, 2: done
  std::vector<size_t> roots_;    // of one behind: whom it waits for in the end
  std::vector<size_t> lengths_;  // of one in a cycle: how many are
};

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
    for (size_t i = 0; i < look.members.size(); ++i) follow(i);
  }
  if (!look.nobody_left) return;
  for (Stuck& fate : fates_) {
    if (fate == Stuck::no) fate = Stuck::nobody_left;
  }
}

size_t Fates::next(size_t member) const {
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

const char* kind_name(WaitObject::Kind kind) {
  using enum WaitObject::Kind;
  return kind == mutex ? "the mutex" : kind == rw_mutex ? "the lock" : "it";
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
    waits.chain.push_back({seen.member.id, awaited_by(seen), seen.member.object, seen.member.reason,
                           seen.place.parked_stack});
  }
}

// Whether what it waits on was read, if there is anything.
bool is_read(const LookedAt& seen) {
  return seen.member.object == 0 || seen.object || seen.select;
}

// Nobody but those who wait has a handle of the channel that they all wait on.
bool is_unreachable(const LookedAt& seen) {
  if (!seen.object || seen.object->kind != WaitObject::Kind::channel) return false;
  const WaitObject& channel = *seen.object;
  const bool one_sided = channel.waiting_senders == 0 || channel.waiting_receivers == 0;
  return channel.handles > 0 && one_sided && !channel.closed &&
         channel.deadline_ns.value_or(1) == 0 &&
         channel.handles <= channel.waiting_senders + channel.waiting_receivers;
}

}  // namespace

uint64_t awaited_by(const LookedAt& seen) {
  return seen.object && seen.member.deadline_ns == 0 ? seen.object->awaited() : 0;
}

void StuckDetector::count(const WaitLook& look, const LookedAt& seen, Stuck stuck, Known& known) {
  const auto before = known_.find(seen.member.id);
  const bool again = before != known_.end() && before->second.place == seen.place;
  const bool same_wait = again && before->second.revision == seen.member.revision;
  const uint64_t length = seen.object ? seen.object->length : 0;
  known = {seen.place, seen.member.revision, 1, false, stuck, length, look.time_ns};
  if (again) {
    known.looks = before->second.looks + 1;
    known.woke = before->second.woke || !same_wait;
  }
  if (same_wait && before->second.length == length) {
    known.length_since_ns = before->second.length_since_ns;
  }
  if (!seen.sampled) return;
  PlaceWaits& waits = places_[seen.place];
  waits.members++;
  const bool stayed = known.looks >= 3;
  waits.stayed += stayed;
  waits.woke += stayed && known.woke;
  waits.orphans += stayed && look.ended.contains(seen.member.parent_id);
  waits.no_deadline += look.tells_deadlines && seen.member.deadline_ns == 0;
  if (!same_wait || !is_read(seen)) return;
  // What has just become stuck may be a moment between two states, or not.
  if (stuck != Stuck::no && before->second.stuck != stuck) return;
  waits.looked_at++;
  waits.stuck += stuck != Stuck::no;
  waits.unreachable += is_unreachable(seen);
  waits.taker_ended += seen.object && look.ended.contains(seen.object->last_taker);
  waits.object_same_ns = std::max(waits.object_same_ns, look.time_ns - known.length_since_ns);
}

void StuckDetector::check(const WaitLook& look) {
  const Fates fates(look);
  places_.clear();
  std::unordered_map<uint64_t, Known> now;
  now.reserve(look.members.size());
  for (size_t i = 0; i < look.members.size(); ++i) {
    const LookedAt& seen = look.members[i];
    count(look, seen, fates.of(i), now[seen.member.id]);
    if (!seen.sampled || fates.of(i) == Stuck::no) continue;
    PlaceWaits& waits = places_[seen.place];
    if (waits.why != Stuck::no) continue;
    waits.why = fates.of(i);
    waits.cause = fates.cause(i);
    fates.tell_chain(i, waits);
  }
  known_ = std::move(now);
}

// Of so few it may be a coincidence: handles prove nothing alone.
constexpr uint64_t least_unreachable = 8;

PlaceVerdicts stuck_places(const WaitPlaces& waits) {
  PlaceVerdicts verdicts;
  for (const auto& [place, seen] : waits) {
    if (seen.all_stuck()) {
      verdicts.emplace(place, Verdict::stuck);
    } else if (seen.all_unreachable() && seen.looked_at >= least_unreachable) {
      verdicts.emplace(place, Verdict::leak);
    }
  }
  return verdicts;
}

std::vector<std::string> format_chain(const PlaceWaits& waits,
                                      const std::function<std::string(Reason)>& reason,
                                      const std::function<std::string(ParkedStack)>& place) {
  std::vector<std::string> lines;
  for (const WaitStep& step : waits.chain) {
    std::string line = fmt::format("coroutine {} waits", step.id);
    if (step.awaited == step.id) {
      line += " for itself";
    } else if (step.awaited != 0) {
      line += fmt::format(" for {}", step.awaited);
    }
    line += fmt::format(" [{}, {:#x}]", reason(step.reason), step.object);
    if (const std::string where = place(step.parked_stack); !where.empty()) line += "  " + where;
    lines.push_back(std::move(line));
  }
  if (waits.chain_cut) lines.push_back("and so on");
  return lines;
}

}  // namespace coroscope
