// SPDX-License-Identifier: Apache-2.0
#include "model/populations.h"

#include <algorithm>

namespace coroscope {
namespace {

constexpr uint32_t no_group = UINT32_MAX;

// Halves the resolution of a long history; its first and its newest sample stay.
void thin(std::vector<PopulationSample>& samples) {
  const PopulationSample newest = samples.back();
  size_t kept = 0;
  for (size_t i = 0; i < samples.size(); i += 2) samples[kept++] = samples[i];
  samples.resize(kept);
  if (samples.back().time_ns != newest.time_ns) samples.push_back(newest);
}

}  // namespace

size_t PopulationKeyHash::operator()(const PopulationKey& key) const {
  uint64_t hash = key.spawn_stack * 0x9e3779b97f4a7c15ull;
  hash = (hash ^ key.parked_stack) * 0xbf58476d1ce4e5b9ull;
  hash = (hash ^ (uint64_t{key.reason} << 8 | static_cast<uint64_t>(key.activity))) *
         0x94d049bb133111ebull;
  return hash ^ (hash >> 31);
}

PopulationKey Populations::key_of(const Member& member) const {
  if (grouping_ == Grouping::by_spawn) return PopulationKey{.spawn_stack = member.spawn_stack};
  PopulationKey key{.spawn_stack = member.spawn_stack, .activity = member.activity};
  if (member.activity == Activity::parked) key.reason = member.reason;
  if (member.activity == Activity::parked || member.activity == Activity::syscall) {
    key.parked_stack = member.parked_stack;
  }
  return key;
}

uint32_t Populations::group_of(const PopulationKey& key) {
  const auto found = index_.find(key);
  if (found != index_.end()) return found->second;
  if (groups_.size() >= max_groups) return no_group;
  const auto group = static_cast<uint32_t>(groups_.size());
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
  for (size_t level = 0; level < settled_censuses.size(); ++level) {
    if (seat.censuses < settled_censuses[level]) break;
    group.settled[level].now--;
    group.settled[level].left++;
  }
}

void Populations::seat(const Member& member, Seat& seat) {
  const uint32_t group = group_of(key_of(member));
  if (seat.id != member.id || seat.group != group) {
    leave(seat);
    seat = Seat{member.id, group, 0};
    if (group != no_group) groups_[group].joined++;
  }
  if (group == no_group) {
    members_dropped_++;
    return;
  }
  if (seat.censuses < settled_censuses.back()) {
    seat.censuses++;
    for (size_t level = 0; level < settled_censuses.size(); ++level) {
      if (seat.censuses != settled_censuses[level]) continue;
      groups_[group].settled[level].now++;
      groups_[group].settled[level].ever++;
    }
  }
  note_example(member, groups_[group]);
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

void Populations::record_samples(uint64_t time_ns) {
  for (Population& group : groups_) {
    std::vector<PopulationSample>& samples = group.samples;
    const PopulationSample sample{time_ns, static_cast<uint32_t>(censuses_),
                                  static_cast<uint32_t>(group.live), group.settled};
    // A group that stays empty needs no more than the ends of that time.
    const size_t count = samples.size();
    if (sample.live == 0 && count >= 2 && samples[count - 1].live == 0 &&
        samples[count - 2].live == 0) {
      samples.back() = sample;
      continue;
    }
    if (count >= max_samples) thin(samples);
    samples.push_back(sample);
  }
}

void Populations::add(const Census& census) {
  censuses_++;
  members_dropped_ = 0;
  for (Population& group : groups_) {
    group.live = 0;
    group.oldest_since_ns = group.oldest_spawned_ns = 0;
    group.example_id = group.example_object = group.example_slot = 0;
  }
  if (seats_.size() < census.slots) {
    seats_.resize(census.slots);
    seen_.resize(census.slots);
  }
  for (const Member& member : census.members) {
    if (member.system || member.slot >= census.slots) continue;
    seat(member, seats_[member.slot]);
    seen_[member.slot] = censuses_;
  }
  for (size_t slot = 0; slot < seats_.size(); ++slot) {
    if (seats_[slot].id == 0 || seen_[slot] == censuses_) continue;
    leave(seats_[slot]);
    seats_[slot] = Seat{};
  }
  record_samples(census.ended_ns);
}

}  // namespace coroscope
