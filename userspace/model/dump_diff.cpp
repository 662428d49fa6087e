// SPDX-License-Identifier: Apache-2.0
#include "model/dump_diff.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "model/dump_query.h"

namespace coroscope {
namespace {

std::string words_of(const DumpedStack& stack) {
  std::string words;
  for (const ReportedFrame& frame : stack.frames) words.append(frame_text(frame)).push_back('\n');
  return words.append(stack.cut);
}

// The words of each stack once, however many populations have it.
class Words {
 public:
  explicit Words(const Dump& dump) : dump_(dump) {}

  std::string of(const DumpGroup& group) {
    std::string words = dump_.reason_of(group.activity, group.reason);
    words.append("\n\n").append(parked(group.parked_stack));
    return words.append("\n\n").append(spawned(group.spawn_stack));
  }

 private:
  const std::string& parked(ParkedStack id) {
    const auto [at, is_new] = parked_.emplace(id, "");
    if (is_new) at->second = words_of(dump_.parked_stack(id));
    return at->second;
  }
  const std::string& spawned(SpawnStack id) {
    const auto [at, is_new] = spawned_.emplace(id, "");
    if (is_new) at->second = words_of(dump_.spawn_stack(id));
    return at->second;
  }

  const Dump& dump_;
  std::unordered_map<ParkedStack, std::string> parked_;
  std::unordered_map<SpawnStack, std::string> spawned_;
};

// Populations of both dumps, found by their words.
class Changes {
 public:
  void add(const Dump& dump, std::vector<uint32_t> DumpChange::*side) {
    Words words(dump);
    std::vector<uint32_t> all(dump.records.size());
    std::iota(all.begin(), all.end(), 0);
    for (const DumpGroup& group : coroscope::group(dump, all, DumpSort::count)) {
      const auto [at, is_new] = places_.emplace(words.of(group), changes_.size());
      if (is_new) changes_.emplace_back();
      DumpChange& change = changes_[at->second];
      change.activity = group.activity;
      change.reason = dump.reason_of(group.activity, group.reason);
      change.parked = &dump.parked_stack(group.parked_stack);
      change.spawned = &dump.spawn_stack(group.spawn_stack);
      std::vector<uint32_t>& members = change.*side;
      members.insert(members.end(), group.members.begin(), group.members.end());
    }
  }

  std::vector<DumpChange> take() { return std::move(changes_); }

 private:
  std::unordered_map<std::string, size_t> places_;
  std::vector<DumpChange> changes_;
};

std::unordered_set<uint64_t> ids_of(const Dump& dump) {
  std::unordered_set<uint64_t> ids;
  ids.reserve(dump.records.size());
  for (const DumpRecord& record : dump.records) ids.insert(record.id);
  return ids;
}

// Who came and who went, by id.
void tell_apart(DumpDiff& diff) {
  const auto were = ids_of(diff.before);
  const auto are = ids_of(diff.after);
  for (DumpChange& change : diff.changes) {
    for (const uint32_t index : change.after) {
      if (!were.contains(diff.after.records[index].id)) change.born.push_back(index);
    }
    for (const uint32_t index : change.before) {
      change.ended += !are.contains(diff.before.records[index].id);
    }
    diff.born += change.born.size();
    diff.ended += change.ended;
  }
}

DumpChange::Kind kind_of(const DumpChange& change) {
  if (change.growth() < 0) return DumpChange::Kind::less;
  return change.activity == Activity::parked ? DumpChange::Kind::blocked : DumpChange::Kind::more;
}

bool comes_first(const DumpChange& one, const DumpChange& other) {
  const auto rank = [](const DumpChange& change) {
    return std::make_tuple(change.kind, -std::abs(change.growth()));
  };
  return rank(one) < rank(other);
}

}  // namespace

DumpDiff diff(const Dump& before, const Dump& after) {
  DumpDiff diff{before, after, false, 0, 0, {}, 0};
  Changes changes;
  changes.add(before, &DumpChange::before);
  changes.add(after, &DumpChange::after);
  diff.changes = changes.take();
  diff.same_process = !before.process.empty() && before.process == after.process &&
                      !before.only_groups && !after.only_groups;
  if (diff.same_process) tell_apart(diff);
  diff.unchanged =
      std::erase_if(diff.changes, [](const DumpChange& change) { return change.growth() == 0; });
  for (DumpChange& change : diff.changes) change.kind = kind_of(change);
  std::stable_sort(diff.changes.begin(), diff.changes.end(), comes_first);
  return diff;
}

}  // namespace coroscope
