// SPDX-License-Identifier: Apache-2.0
#include "observe/same_place.h"

#include <algorithm>

namespace coroscope {
namespace {

bool has_words_of_one_place(const Finding& finding, const ReportedFinding& reported) {
  return finding.mostly_main_place && !reported.several_places;
}

bool is_same_leak(const ReportedFinding& a, const ReportedFinding& b) {
  return a.judgement.verdict == Verdict::leak && b.judgement.verdict == Verdict::leak &&
         a.reason == b.reason && a.label == b.label && is_same_place(a.parked_at, b.parked_at) &&
         is_same_place(a.spawned_at, b.spawned_at);
}

// Of a finding on more than one population it is the numbers of its main place: the others in it
// may be healthy.
void take_in(ReportedFinding& into, const Finding& finding, const ReportedFinding& other) {
  const Population& place = finding.main_place ? *finding.main_place : *finding.population;
  into.live += place.live;
  into.joined += place.joined;
  into.left += place.left;
  into.judgement.per_second += other.judgement.per_second;
  // What a group began with was not all of this place.
  if (finding.population == &place) into.judgement.first_live += other.judgement.first_live;
  into.oldest_wait_ns = std::max(into.oldest_wait_ns, other.oldest_wait_ns);
  if (other.oldest_age_ns > into.oldest_age_ns) {
    into.oldest_age_ns = other.oldest_age_ns;
    into.example_id = other.example_id;
  }
}

}  // namespace

bool is_same_place(const ReportedStack& a, const ReportedStack& b) {
  const auto of_program = [](const ReportedFrame& frame) { return frame.of_program(); };
  const auto next = [&](ReportedStack::const_iterator at, const ReportedStack& stack) {
    return std::find_if(at, stack.end(), of_program);
  };
  auto one = next(a.begin(), a);
  auto other = next(b.begin(), b);
  while (one != a.end() && other != b.end()) {
    if (one->function != other->function || one->file != other->file || one->line != other->line) {
      return false;
    }
    one = next(one + 1, a);
    other = next(other + 1, b);
  }
  return one == a.end() && other == b.end();
}

void fold_same_places(std::vector<Finding>& findings, std::vector<ReportedFinding>& reported) {
  for (size_t at = 0; at < reported.size(); ++at) {
    if (!has_words_of_one_place(findings[at], reported[at])) continue;
    // They are in the order of their growth: the first grows most.
    for (size_t other = reported.size() - 1; other > at; --other) {
      if (!has_words_of_one_place(findings[other], reported[other]) ||
          !is_same_leak(reported[at], reported[other])) {
        continue;
      }
      take_in(reported[at], findings[other], reported[other]);
      const auto offset = static_cast<std::ptrdiff_t>(other);
      findings.erase(findings.begin() + offset);
      reported.erase(reported.begin() + offset);
    }
  }
}

}  // namespace coroscope
