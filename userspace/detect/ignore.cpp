// SPDX-License-Identifier: Apache-2.0
#include "detect/ignore.h"

#include <algorithm>

#include "model/dump_query.h"

namespace coroscope {
namespace {

bool matches(const Pattern& pattern, const ReportedFrame& frame) {
  return pattern.found_in(frame.function) || pattern.found_in(frame_text(frame));
}

bool any_matches(const Pattern& pattern, const ReportedStack& stack) {
  return std::any_of(stack.begin(), stack.end(),
                     [&pattern](const ReportedFrame& frame) { return matches(pattern, frame); });
}

bool matches(const IgnoreRule& rule, const IgnoreSubject& subject) {
  if (rule.expired) return false;
  if (!rule.wait.empty() && rule.wait != subject.wait) return false;
  if (rule.label && std::find(subject.labels.begin(), subject.labels.end(), *rule.label) ==
                        subject.labels.end()) {
    return false;
  }
  if (rule.top) {
    const ReportedFrame* top = top_frame(subject.parked_at);
    if (top == nullptr || !matches(*rule.top, *top)) return false;
  }
  if (rule.any && !any_matches(*rule.any, subject.parked_at)) return false;
  return !rule.created_by || any_matches(*rule.created_by, subject.spawned_at);
}

IgnoreSubject subject_of(const ReportedFinding& finding) {
  IgnoreSubject subject{finding.parked_at, finding.spawned_at, finding.reason, {}};
  for (const ReportedNames::Label& label : finding.named.labels) {
    if (label.members == finding.named.asked) subject.labels.emplace_back(label.key, label.value);
  }
  return subject;
}

}  // namespace

std::optional<size_t> match_ignore(const std::vector<IgnoreRule>& rules,
                                   const IgnoreSubject& subject) {
  for (size_t i = 0; i < rules.size(); ++i) {
    if (matches(rules[i], subject)) return i;
  }
  return std::nullopt;
}

std::vector<IgnoredRow> ignored_rows(const std::vector<IgnoreRule>& rules) {
  std::vector<IgnoredRow> rows;
  for (const IgnoreRule& rule : rules) {
    rows.push_back({rule.asks, rule.source, rule.reason, rule.expires, rule.expired, 0, 0});
  }
  return rows;
}

void apply_ignores(const std::vector<IgnoreRule>& rules, TargetReport& report) {
  report.ignored = ignored_rows(rules);
  std::erase_if(report.findings, [&](const ReportedFinding& finding) {
    const auto rule = match_ignore(rules, subject_of(finding));
    if (!rule) return false;
    report.ignored[*rule].findings++;
    report.ignored[*rule].coroutines += finding.live;
    return true;
  });
}

}  // namespace coroscope
