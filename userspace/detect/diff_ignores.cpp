// SPDX-License-Identifier: Apache-2.0
#include "detect/diff_ignores.h"

#include <algorithm>
#include <string>
#include <utility>

namespace coroscope {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

constexpr size_t most_asked = 256;

Labels labels_of(const DumpRecord& record, DumpDetails& details) {
  Labels labels;
  if (!record.annotated) return labels;
  for (DumpDetail::Label& label : details.names_of(record).labels) {
    labels.emplace_back(std::move(label.key), std::move(label.value));
  }
  return labels;
}

// A dump that was saved in groups tells of each group what its first member stands for.
Labels labels_of_group(const Dump& dump, uint32_t first, DumpDetails& details) {
  Labels labels;
  const ReportedNames named = details.count_names_of(dump, {first});
  for (const ReportedNames::Label& label : named.labels) {
    if (label.members == named.asked) labels.emplace_back(label.key, label.value);
  }
  return labels;
}

// Those that all have.
Labels common_labels(const Dump& dump, const std::vector<uint32_t>& members, DumpDetails& details) {
  Labels common;
  bool first = true;
  const size_t step =
      dump.only_groups ? 1 : std::max<size_t>(1, (members.size() + most_asked - 1) / most_asked);
  for (size_t i = 0; i < members.size(); i += step) {
    const DumpRecord& record = dump.records[members[i]];
    if (dump.only_groups && record.id == 0) continue;  // the first of its group stands for it
    const Labels labels =
        dump.only_groups ? labels_of_group(dump, members[i], details) : labels_of(record, details);
    if (first) common = labels;
    first = false;
    std::erase_if(common, [&labels](const auto& label) {
      return std::find(labels.begin(), labels.end(), label) == labels.end();
    });
    if (common.empty()) break;
  }
  return common;
}

}  // namespace

std::vector<IgnoredRow> ignore_changes(const std::vector<IgnoreRule>& rules, DumpDetails& before,
                                       DumpDetails& after, DumpDiff& diff) {
  std::vector<IgnoredRow> rows = ignored_rows(rules);
  const bool by_label = std::any_of(rules.begin(), rules.end(), [](const IgnoreRule& rule) {
    return rule.label && !rule.expired;
  });
  std::erase_if(diff.changes, [&](const DumpChange& change) {
    const bool there = !change.after.empty();
    IgnoreSubject subject{change.parked->frames, change.spawned->frames, change.reason, {}};
    if (by_label) {
      subject.labels = there ? common_labels(diff.after, change.after, after)
                             : common_labels(diff.before, change.before, before);
    }
    const auto rule = match_ignore(rules, subject);
    if (!rule) return false;
    rows[*rule].findings++;
    rows[*rule].coroutines += std::max(change.before.size(), change.after.size());
    return true;
  });
  return rows;
}

}  // namespace coroscope
