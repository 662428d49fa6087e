// SPDX-License-Identifier: Apache-2.0
#include "observe/member_labels.h"

#include <algorithm>

#include "util/clock.h"
#include "util/text.h"

namespace coroscope {
namespace {

constexpr size_t longest_value = 128;
// The clock is looked at once in so many labels.
constexpr size_t labels_a_look = 64;

}  // namespace

bool MemberLabels::is_known(const Member& member) const {
  const Known& known = known_[member.slot];
  return known.id == member.id && known.value != unread_label;
}

LabelValue MemberLabels::intern(const std::string& value) {
  // Only what is shown tells them apart.
  std::string text = shorten(printable(value), longest_value);
  const auto found = ids_.find(text);
  if (found != ids_.end()) return found->second;
  if (values_.size() == most_values) {
    overflowed_ = true;
    return other_label;
  }
  const auto id = static_cast<LabelValue>(first_label + values_.size());
  values_.push_back(text);
  ids_.emplace(std::move(text), id);
  return id;
}

void MemberLabels::read(const Target& target, const Member& member) {
  const auto annotation = target.annotation(member.slot, member.id);
  if (!annotation) return;
  Known& known = known_[member.slot];
  known = {member.id, member.revision, no_label};
  for (const auto& [key, value] : annotation->labels) {
    if (key == key_) known.value = intern(value);
  }
}

void MemberLabels::add_to(Census& census, const Target& target) {
  if (known_.size() < census.slots) known_.resize(census.slots);
  std::vector<uint32_t> fresh;
  std::vector<uint32_t> moved;
  for (uint32_t i = 0; i < census.members.size(); ++i) {
    const Member& member = census.members[i];
    if (member.slot >= census.slots) continue;
    Known& known = known_[member.slot];
    if (!member.annotated) {
      known = {member.id, member.revision, no_label};
    } else if (!is_known(member)) {
      known = {member.id, member.revision, unread_label};
      fresh.push_back(i);
    } else if (known.revision != member.revision) {
      moved.push_back(i);
    }
  }
  // Who moved has the same label as before, most of the time: who is new comes first.
  const size_t new_ones = fresh.size();
  fresh.insert(fresh.end(), moved.begin(), moved.end());
  const uint64_t until = monotonic_ns() + budget_ns_;
  size_t done = 0;
  for (; done < fresh.size(); ++done) {
    if (done % labels_a_look == 0 && monotonic_ns() >= until) break;
    read(target, census.members[fresh[done]]);
  }
  stale_ = fresh.size() - std::max(done, new_ones);
  unread_ = 0;
  census.labels.resize(census.members.size(), no_label);
  for (size_t i = 0; i < census.members.size(); ++i) {
    if (census.members[i].slot >= census.slots) continue;
    census.labels[i] = known_[census.members[i].slot].value;
    unread_ += census.labels[i] == unread_label;
  }
}

ReportedLabel MemberLabels::report(LabelValue value) const {
  ReportedLabel label;
  label.key = shorten(printable(key_), longest_value);
  switch (value) {
    case no_label:
      label.is = ReportedLabel::Is::none;
      break;
    case unread_label:
      label.is = ReportedLabel::Is::unread;
      break;
    case other_label:
      label.is = ReportedLabel::Is::other;
      break;
    default:
      label.value = values_.at(value - first_label);
  }
  return label;
}

}  // namespace coroscope
