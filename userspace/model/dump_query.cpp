// SPDX-License-Identifier: Apache-2.0
#include "model/dump_query.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace coroscope {
namespace {

template <typename T>
bool one_of(const std::vector<T>& wanted, const T& value) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

bool any_frame(const ReportedStack& stack, const Pattern& pattern) {
  return std::any_of(stack.begin(), stack.end(), [&pattern](const ReportedFrame& frame) {
    return pattern.found_in(frame_text(frame));
  });
}

// StackFilter asks once for each stack, not once for each coroutine.
class StackFilter {
 public:
  StackFilter(const Dump& dump, const DumpFilter& filter) : dump_(dump), filter_(filter) {}

  bool passes(const DumpRecord& record) {
    const auto parked = [this](ParkedStack id) { return parked_passes(id); };
    const auto spawned = [this](SpawnStack id) {
      return any_frame(dump_.spawn_stack(id).frames, *filter_.created_by);
    };
    if ((filter_.stack || filter_.top) && !known(parked_, record.parked_stack, parked)) {
      return false;
    }
    return !filter_.created_by || known(spawned_, record.spawn_stack, spawned);
  }

 private:
  template <typename Ask>
  static bool known(std::unordered_map<uint32_t, bool>& answers, uint32_t id, const Ask& ask) {
    const auto found = answers.find(id);
    return found != answers.end() ? found->second : answers.emplace(id, ask(id)).first->second;
  }

  bool parked_passes(ParkedStack id) const {
    const ReportedStack& frames = dump_.parked_stack(id).frames;
    if (filter_.stack && !any_frame(frames, *filter_.stack)) return false;
    const ReportedFrame* top = top_frame(frames);
    return !filter_.top || (top && filter_.top->found_in(frame_text(*top)));
  }

  const Dump& dump_;
  const DumpFilter& filter_;
  std::unordered_map<uint32_t, bool> parked_;
  std::unordered_map<uint32_t, bool> spawned_;
};

bool has_labels(const DumpDetail& detail, const DumpFilter& filter) {
  return std::all_of(filter.labels.begin(), filter.labels.end(), [&detail](const auto& wanted) {
    return std::any_of(detail.labels.begin(), detail.labels.end(), [&wanted](const auto& label) {
      return label.key == wanted.first && label.value == wanted.second;
    });
  });
}

using GroupKey = std::tuple<Activity, Reason, ParkedStack, SpawnStack>;

struct GroupKeyHash {
  size_t operator()(const GroupKey& key) const {
    const auto [activity, reason, parked, spawned] = key;
    uint64_t value = uint64_t{parked} << 32 | spawned;
    value =
        (value ^ (uint64_t{reason} << 8 | static_cast<uint64_t>(activity))) * 0x9e3779b97f4a7c15u;
    return value ^ value >> 29;
  }
};

void add(DumpGroup& group, const DumpRecord& record, uint32_t index) {
  if (group.members.empty() || record.wait_ns > group.longest_wait_ns) group.example = index;
  group.members.push_back(index);
  group.shortest_wait_ns = std::min(group.shortest_wait_ns, record.wait_ns);
  group.longest_wait_ns = std::max(group.longest_wait_ns, record.wait_ns);
  group.oldest_age_ns = std::max(group.oldest_age_ns, record.age_ns);
}

}  // namespace

bool DumpFilter::empty() const {
  return states.empty() && reasons.empty() && older_than_ns == 0 && waited_ns == 0 && !stack &&
         !top && !created_by && labels.empty();
}

std::string frame_text(const ReportedFrame& frame) {
  std::string text = frame.function;
  if (!frame.file.empty()) text.append(" ").append(frame.file);
  if (frame.line != 0) text.append(":").append(std::to_string(frame.line));
  return text;
}

std::vector<uint32_t> filter(const Dump& dump, const DumpFilter& filter, const DetailOf& names_of) {
  std::vector<uint32_t> passed;
  StackFilter stacks(dump, filter);
  for (uint32_t i = 0; i < dump.records.size(); ++i) {
    const DumpRecord& record = dump.records[i];
    if (!one_of(filter.states, record.activity)) continue;
    if (record.age_ns < filter.older_than_ns || record.wait_ns < filter.waited_ns) continue;
    if (!filter.reasons.empty() &&
        (record.activity != Activity::parked ||
         !one_of(filter.reasons, dump.reason_of(record.activity, record.reason)))) {
      continue;
    }
    if (!stacks.passes(record)) continue;
    if (!filter.labels.empty() && !(record.annotated && has_labels(names_of(record), filter))) {
      continue;
    }
    passed.push_back(i);
  }
  return passed;
}

std::vector<DumpGroup> group(const Dump& dump, const std::vector<uint32_t>& records,
                             DumpSort sort) {
  std::vector<DumpGroup> groups;
  std::unordered_map<GroupKey, size_t, GroupKeyHash> places;
  for (const uint32_t index : records) {
    const DumpRecord& record = dump.records[index];
    const GroupKey key{record.activity, record.reason, record.parked_stack, record.spawn_stack};
    const auto [place, is_new] = places.emplace(key, groups.size());
    if (is_new) {
      groups.push_back({});
      DumpGroup& group = groups.back();
      std::tie(group.activity, group.reason, group.parked_stack, group.spawn_stack) = key;
    }
    add(groups[place->second], record, index);
  }
  std::stable_sort(groups.begin(), groups.end(), [sort](const DumpGroup& a, const DumpGroup& b) {
    if (sort == DumpSort::age) return a.oldest_age_ns > b.oldest_age_ns;
    return a.members.size() > b.members.size();
  });
  return groups;
}

void sort_by_age(const Dump& dump, std::vector<uint32_t>& records) {
  std::sort(records.begin(), records.end(), [&dump](uint32_t a, uint32_t b) {
    const DumpRecord& one = dump.records[a];
    const DumpRecord& other = dump.records[b];
    return std::tie(other.age_ns, one.id) < std::tie(one.age_ns, other.id);
  });
}

uint64_t DumpPage::shown() const {
  uint64_t coroutines = records.size();
  for (const DumpGroup& group : groups) coroutines += group.members.size();
  return coroutines;
}

}  // namespace coroscope
