// SPDX-License-Identifier: Apache-2.0
#include "observe/wait_looks.h"

#include <algorithm>
#include <utility>

namespace coroscope {
namespace {

// Of whoever has waited for less, what it waits on is not read: it is as good as
// awake. Its holder is, if somebody waits for it.
constexpr uint64_t short_wait_ns = 50'000'000;

// Chains longer than this are not followed to their end, and so not called stuck.
constexpr int most_levels = 32;

uint64_t mixed(uint64_t id) {
  id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9ull;
  id = (id ^ (id >> 27)) * 0x94d049bb133111ebull;
  return id ^ (id >> 31);
}

PopulationKey place_of(const Census& census, uint32_t index) {
  const Member& member = census.members[index];
  return {.spawn_stack = member.spawn_stack,
          .parked_stack = member.parked_stack,
          .reason = member.reason,
          .activity = Activity::parked,
          .label = census.label(index)};
}

// Sampler keeps, of each population, those whose ids come first when mixed: chance
// decides, but the same way each time.
class Sampler {
 public:
  void add(const Census& census, uint32_t index) {
    const PopulationKey place = place_of(census, index);
    if (last_ == nullptr || last_->first != place) last_ = &*samples_.try_emplace(place).first;
    Sample& sample = last_->second;
    const std::pair<uint64_t, uint32_t> entry{mixed(census.members[index].id), index};
    if (sample.size() == most_of_a_place) {
      if (entry >= sample.front()) return;
      std::pop_heap(sample.begin(), sample.end());
      sample.pop_back();
    }
    sample.push_back(entry);
    std::push_heap(sample.begin(), sample.end());
  }

  // Indices of members: of each population as many, and each at least one, within
  // the bound on all together.
  std::vector<uint32_t> take() {
    const size_t most = std::max<size_t>(1, most_looked_at / std::max<size_t>(1, samples_.size()));
    std::vector<uint32_t> taken;
    for (auto& [place, sample] : samples_) {
      std::sort(sample.begin(), sample.end());
      for (size_t i = 0; i < std::min(most, sample.size()); ++i) taken.push_back(sample[i].second);
      if (taken.size() >= most_looked_at) break;
    }
    return taken;
  }

 private:
  using Sample = std::vector<std::pair<uint64_t, uint32_t>>;  // a heap, the largest in front
  using Samples = std::unordered_map<PopulationKey, Sample, PopulationKeyHash>;

  Samples samples_;
  Samples::value_type* last_ = nullptr;  // neighbours in the table are often of one population
};

// Of more children it is not found out who they are.
constexpr uint64_t most_children = 64;

// Looker reads what members wait on, and finds whom they name.
class Looker {
 public:
  Looker(const Target& target, const Census& census) : target_(target), census_(census) {}

  WaitLook look();

 private:
  void add(uint32_t index, bool sampled);
  // Whether it is there; or also what it waits on.
  void want(uint64_t id) {
    if (id != 0 && !alive_.contains(id) && !look_.ended.contains(id)) wanted_.insert(id);
  }
  void want_awaited(uint64_t id) {
    if (id == 0 || added_.contains(id) || look_.ended.contains(id)) return;
    awaited_.insert(id);
    wanted_.insert(id);
  }
  std::vector<uint32_t> find_wanted();
  bool add_child(const Member& member);

  const Target& target_;
  const Census& census_;
  WaitLook look_;
  // Ids: in the census, in the look, to be looked for in the census, of those somebody
  // waits for.
  std::unordered_set<uint64_t> alive_, added_, wanted_, awaited_;
  std::unordered_map<uint64_t, size_t> parents_;  // ids whose children are looked for: places
};

void Looker::add(uint32_t index, bool sampled) {
  LookedAt seen;
  seen.member = census_.members[index];
  const Member& member = seen.member;
  seen.sampled = sampled;
  seen.place = place_of(census_, index);
  alive_.insert(member.id);
  added_.insert(member.id);
  const auto [reason, fresh] = look_.reasons.try_emplace(member.reason);
  if (fresh) reason->second = target_.reason_name(member.reason);
  const bool waits_on = member.object != 0 && member.since_ns + short_wait_ns < look_.time_ns;
  if (waits_on && reason->second == "select") {
    seen.select = target_.select(member.slot, member.id);
  } else if (waits_on) {
    seen.object = target_.object_of_wait(member);
  }
  if (seen.object) {
    want_awaited(awaited_by(seen));
    want(seen.object->last_taker);
    const bool group = seen.object->kind == WaitObject::Kind::wait_group;
    if (group && seen.object->length <= most_children) {
      parents_.emplace(member.id, look_.members.size());
    }
  }
  if (sampled) want(member.parent_id);
  look_.members.push_back(std::move(seen));
}

// Whether somebody waits for it because he has spawned it.
bool Looker::add_child(const Member& member) {
  const auto parent = parents_.find(member.parent_id);
  if (parent == parents_.end() || member.id == member.parent_id) return false;
  std::vector<uint64_t>& children = look_.members[parent->second].children;
  if (children.size() > most_children) return false;
  children.push_back(member.id);
  return member.activity == Activity::parked && !added_.contains(member.id);
}

// Passes over the census once. Returns the members that are parked of those whom
// somebody waits for; who is not in a census that lost nothing has ended.
std::vector<uint32_t> Looker::find_wanted() {
  std::vector<uint32_t> parked;
  // Most ids are no one's whom we look for: a bit of a few thousand tells it.
  std::vector<bool> maybe(65536);
  for (const uint64_t id : wanted_) maybe[id % maybe.size()] = true;
  for (const auto& [id, place] : parents_) maybe[id % maybe.size()] = true;
  for (uint32_t i = 0; i < census_.members.size(); ++i) {
    const Member& member = census_.members[i];
    const bool child = maybe[member.parent_id % maybe.size()] && add_child(member);
    const bool wanted = maybe[member.id % maybe.size()] && wanted_.erase(member.id) != 0;
    if (wanted) alive_.insert(member.id);
    const bool waits = child || (wanted && member.activity == Activity::parked &&
                                 awaited_.contains(member.id) && !added_.contains(member.id));
    if (waits) parked.push_back(i);
  }
  parents_.clear();
  if (census_.losses.total() == 0) look_.ended.merge(wanted_);
  wanted_.clear();
  return parked;
}

WaitLook Looker::look() {
  look_.time_ns = census_.ended_ns;
  look_.tells_deadlines = census_.tells_deadlines;
  Sampler sampler;
  for (uint32_t i = 0; i < census_.members.size(); ++i) {
    const Member& member = census_.members[i];
    if (member.activity == Activity::parked && !member.system) sampler.add(census_, i);
  }
  for (const uint32_t index : sampler.take()) add(index, true);
  for (int level = 0; level < most_levels && !(wanted_.empty() && parents_.empty()); ++level) {
    for (const uint32_t index : find_wanted()) {
      if (look_.members.size() < 2 * most_looked_at) add(index, false);
    }
  }
  return std::move(look_);
}

// No coroutine runs, could run, or has a wait that ends without an act of somebody.
bool all_wait(const Target& target, const Census& census) {
  if (census.members.empty() || !census.tells_deadlines || census.losses.total() != 0) return false;
  Reason known = 0;
  for (const Member& member : census.members) {
    if (member.activity != Activity::parked || member.deadline_ns != 0) return false;
    if (member.reason == known) continue;
    if (target.reason_name(member.reason) == "IO wait") return false;
    known = member.reason;
  }
  return true;
}

// One worker of each scheduler that has nothing to do waits for events: nobody waits for
// these, or a coroutine would. Another thread that does is not the runtime's.
bool nobody_left(const Target& target, const Census& census, const AskThreads& ask) {
  if (!ask || !all_wait(target, census)) return false;
  const auto schedulers = target.schedulers();
  if (!schedulers || schedulers->lost != 0) return false;
  for (const SchedulerFigures& one : schedulers->running) {
    const bool idle = one.spinning == 0 && one.queued == 0 && one.timers == 0 && one.blocking == 0;
    if (!idle || one.workers_unread != 0) return false;
  }
  const auto threads = ask();
  return threads && threads->other == 0 && threads->epoll <= schedulers->running.size();
}

}  // namespace

WaitLook look_at_waits(const Target& target, const Census& census, const AskThreads& ask) {
  const bool nobody = nobody_left(target, census, ask);
  WaitLook look = Looker(target, census).look();
  look.nobody_left = nobody;
  return look;
}

}  // namespace coroscope
