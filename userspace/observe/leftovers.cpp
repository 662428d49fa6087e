// SPDX-License-Identifier: Apache-2.0
#include "observe/leftovers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "model/dump_query.h"
#include "observe/dumping.h"

namespace coroscope {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Leftovers is one look.
class Leftovers {
 public:
  // `ended_ns`: when the census had ended, from which ages count.
  Leftovers(const Dump& dump, uint64_t ended_ns, TargetDetails& details,
            const LeftoverQuestion& question)
      : dump_(dump), ended_ns_(ended_ns), details_(details), question_(question) {
    for (const IgnoreRule& rule : question.ignored) by_label_ = by_label_ || rule.label;
  }

  LeftProcess find(std::vector<IgnoredRow>& rows) {
    std::vector<uint32_t> candidates;
    for (uint32_t i = 0; i < dump_.records.size(); ++i) {
      if (is_candidate(dump_.records[i])) candidates.push_back(i);
    }
    for (DumpGroup& group : group(dump_, candidates, DumpSort::count)) {
      take_ignored(group, rows);
      if (!group.members.empty()) left_.groups.push_back(describe(group));
    }
    return std::move(left_);
  }

 private:
  bool is_candidate(const DumpRecord& record) {
    const bool before = (question_.before && question_.before->contains(record.id)) ||
                        ended_ns_ - record.age_ns < question_.born_after_ns;
    const bool runs = record.activity == Activity::running || record.activity == Activity::runnable;
    left_.before += before;
    left_.may_be_ending += !before && runs && question_.at_end;
    return !before && !(runs && question_.at_end);
  }

  std::optional<size_t> rule_for(const DumpGroup& group, Labels labels) const {
    return match_ignore(
        question_.ignored,
        {dump_.parked_stack(group.parked_stack).frames, dump_.spawn_stack(group.spawn_stack).frames,
         dump_.reason_of(group.activity, group.reason), std::move(labels)});
  }

  Labels labels_of(const DumpRecord& record) {
    Labels labels;
    if (!record.annotated) return labels;
    for (DumpDetail::Label& label : details_.names_of(record).labels) {
      labels.emplace_back(std::move(label.key), std::move(label.value));
    }
    return labels;
  }

  // Each member is asked for its labels only if a rule wants to know them.
  void take_ignored(DumpGroup& group, std::vector<IgnoredRow>& rows) {
    std::set<size_t> counted;
    const auto of_all = rule_for(group, {});
    std::erase_if(group.members, [&](uint32_t index) {
      const auto rule = by_label_ ? rule_for(group, labels_of(dump_.records[index])) : of_all;
      if (!rule) return false;
      left_.ignored++;
      rows[*rule].coroutines++;
      if (counted.insert(*rule).second) rows[*rule].findings++;
      return true;
    });
  }

  LeftGroup describe(const DumpGroup& group) {
    LeftGroup left;
    uint32_t example = group.members.front();
    left.shortest_wait_ns = UINT64_MAX;
    for (const uint32_t index : group.members) {
      const DumpRecord& record = dump_.records[index];
      if (record.wait_ns > dump_.records[example].wait_ns) example = index;
      left.shortest_wait_ns = std::min(left.shortest_wait_ns, record.wait_ns);
      left.oldest_age_ns = std::max(left.oldest_age_ns, record.age_ns);
    }
    const DumpRecord& record = dump_.records[example];
    left.longest_wait_ns = record.wait_ns;
    left.count = group.members.size();
    left.activity = group.activity;
    left.wait = dump_.reason_of(group.activity, group.reason);
    left.example_id = record.id;
    left.example = details_.describe(dump_, record);
    left.named = details_.count_names_of(dump_, group.members);
    left.parked_at = dump_.parked_stack(group.parked_stack);
    left.spawned_at = dump_.spawn_stack(group.spawn_stack);
    return left;
  }

  const Dump& dump_;
  uint64_t ended_ns_;
  TargetDetails& details_;
  const LeftoverQuestion& question_;
  bool by_label_ = false;
  LeftProcess left_;
};

}  // namespace

Result<LeftProcess> find_leftovers(Observation& observation, const LeftoverQuestion& question,
                                   std::vector<IgnoredRow>& rows) {
  uint64_t ended_ns = 0;
  const auto dump =
      take_dump(observation, [&ended_ns](const Census& census) { ended_ns = census.ended_ns; });
  if (!dump) return dump.error();
  TargetDetails details(observation.target());
  LeftProcess left = Leftovers(*dump, ended_ns, details, question).find(rows);
  left.pid = dump->pid;
  left.inner_pid = dump->inner_pid;
  left.command = dump->command;
  left.runtime = dump->runtime;
  left.live = dump->live();
  left.completeness = dump->completeness();
  left.losses = dump->losses;
  left.stacks_unread = dump->stacks_unread;
  left.other_copies = dump->other_copies;
  return left;
}

}  // namespace coroscope
