// SPDX-License-Identifier: Apache-2.0
#include "model/populations.h"

#include <algorithm>

namespace coroscope {
namespace {

void sum_up(const AgeBins& bins, uint64_t& sum) {
  for (const uint32_t count : bins) sum += count;
}

}  // namespace

uint64_t Stays::came() const {
  uint64_t now = 0;
  uint64_t stayed = 0;
  uint64_t gone = 0;
  sum_up(present, now);
  sum_up(before, stayed);
  sum_up(left, gone);
  return now + gone - stayed;
}

size_t PopulationKeyHash::operator()(const PopulationKey& key) const {
  uint64_t hash = key.spawn_stack * 0x9e3779b97f4a7c15ull;
  hash = (hash ^ key.parked_stack) * 0xbf58476d1ce4e5b9ull;
  hash = (hash ^ (uint64_t{key.reason} << 8 | static_cast<uint64_t>(key.activity))) *
         0x94d049bb133111ebull;
  hash = (hash ^ key.label) * 0x9e3779b97f4a7c15ull;
  return hash ^ (hash >> 31);
}

PopulationKey Populations::key_of(const Member& member, LabelValue label) const {
  if (grouping_ == Grouping::by_spawn) return PopulationKey{.spawn_stack = member.spawn_stack};
  PopulationKey key{.spawn_stack = member.spawn_stack, .activity = member.activity};
  if (grouping_ == Grouping::by_parked) key.spawn_stack = 0;
  if (grouping_ == Grouping::by_place) key.label = label;
  if (member.activity == Activity::parked) key.reason = member.reason;
  if (member.activity == Activity::parked || member.activity == Activity::syscall) {
    key.parked_stack = member.parked_stack;
  }
  return key;
}

uint16_t Populations::group_of(const PopulationKey& key) {
  const auto found = index_.find(key);
  if (found != index_.end()) return found->second;
  if (groups_.size() >= max_groups) return no_group;
  const auto group = static_cast<uint16_t>(groups_.size());
  Population fresh;
  fresh.key = key;
  fresh.grouping = grouping_;
  fresh.first_census = static_cast<uint32_t>(censuses_);
  groups_.push_back(std::move(fresh));
  index_.emplace(key, group);
  return group;
}

void Populations::leave(const Seat& seat) {
  if (seat.id == 0 || seat.group == no_group) return;
  Population& group = groups_[seat.group];
  group.left++;
  add_age(group.stays.left, seat.age_bin);
}

void Populations::seat(const Member& member, LabelValue label, Seat& seat) {
  const uint16_t group = group_of(key_of(member, label));
  if (seat.id != member.id || seat.group != group) {
    leave(seat);
    seat = Seat{member.id, stay_since(member), 0, group, 0};
    if (group != no_group) groups_[group].joined++;
  }
  if (group == no_group) {
    members_dropped_++;
    return;
  }
  seat.age_bin =
      static_cast<uint16_t>(age_bin(last_ns_ > seat.since_ns ? last_ns_ - seat.since_ns : 0));
  add_age(groups_[group].stays.present, seat.age_bin);
  note_example(member, groups_[group]);
}

uint64_t Populations::live() const {
  uint64_t live = members_dropped_;
  for (const Population& group : groups_) live += group.live;
  return live;
}

uint64_t Populations::stay_since(const Member& member) const {
  if (grouping_ == Grouping::by_spawn) return member.spawned_ns;
  return member.activity == Activity::parked ? member.since_ns : last_ns_;
}

void Populations::note_example(const Member& member, Population& group) {
  group.live++;
  if (member.activity == Activity::parked &&
      (group.oldest_since_ns == 0 || member.since_ns < group.oldest_since_ns)) {
    group.oldest_since_ns = member.since_ns;
  }
  if (group.example_id == 0 || member.spawned_ns < group.oldest_spawned_ns) {
    group.oldest_spawned_ns = member.spawned_ns;
    group.example_id = member.id;
    group.example_object = member.object;
    group.example_slot = member.slot;
  }
}

std::vector<MemberPlace> Populations::members(const Population& population, size_t most) const {
  const auto group = static_cast<uint32_t>(&population - groups_.data());
  std::vector<MemberPlace> found;
  for (size_t slot = 0; slot < seats_.size(); ++slot) {
    if (seats_[slot].id == 0 || seats_[slot].group != group) continue;
    found.push_back({seats_[slot].id, static_cast<uint32_t>(slot)});
  }
  if (found.size() <= most) return found;
  for (size_t i = 0; i < most; ++i) found[i] = found[i * found.size() / most];
  found.resize(most);
  return found;
}

void Populations::begin_census(const Census& census) {
  censuses_++;
  last_ns_ = census.ended_ns;
  members_dropped_ = 0;
  for (Population& group : groups_) {
    group.live = 0;
    group.oldest_since_ns = group.oldest_spawned_ns = 0;
    group.example_id = group.example_object = group.example_slot = 0;
    group.stays.before.swap(group.stays.present);
    group.stays.present.clear();
    group.stays.left.clear();
  }
  if (seats_.size() < census.slots) seats_.resize(census.slots);
}

void Populations::add(const Census& census) {
  begin_census(census);
  for (size_t i = 0; i < census.members.size(); ++i) {
    const Member& member = census.members[i];
    if (member.system || member.slot >= census.slots) continue;
    seat(member, census.label(i), seats_[member.slot]);
    seats_[member.slot].seen = static_cast<uint32_t>(censuses_);
  }
  for (size_t slot = 0; slot < seats_.size(); ++slot) {
    if (seats_[slot].id == 0 || seats_[slot].seen == static_cast<uint32_t>(censuses_)) continue;
    leave(seats_[slot]);
    seats_[slot] = Seat{};
  }
}

}  // namespace coroscope
