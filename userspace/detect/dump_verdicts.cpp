// SPDX-License-Identifier: Apache-2.0
#include "detect/dump_verdicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "detect/arrivals.h"
#include "util/duration.h"

namespace coroscope {
namespace {

// Before that, whatever a process begins with came "for most of its life".
constexpr uint64_t least_uptime_ns = 60'000'000'000;

struct Waiting {
  AgeBins ages;  // since birth
  uint64_t members = 0;
  uint64_t oldest_ns = 0;
};

DumpVerdict may_leak(const Dump& dump, const Waiting& waiting) {
  DumpVerdict verdict;
  verdict.verdict = "may leak";
  verdict.because.push_back(fmt::format(
      "{} came at an even rate for the last {} of the process's {} and are here still; whether "
      "any leaves, one dump can not tell: `coroscope diff {} --after 10s` does",
      waiting.members, format_ns(waiting.oldest_ns), format_ns(dump.uptime_ns), dump.pid));
  return verdict;
}

}  // namespace

void add_may_leak(Dump& dump) {
  if (dump.uptime_ns <= least_uptime_ns) return;
  std::map<DumpPlace, Waiting> places;
  for (const DumpRecord& record : dump.records) {
    if (record.activity != Activity::parked) continue;
    Waiting& waiting = places[place_of(record)];
    add_age(waiting.ages, age_bin(record.age_ns));
    waiting.members++;
    waiting.oldest_ns = std::max(waiting.oldest_ns, record.age_ns);
  }
  for (const auto& [place, waiting] : places) {
    // All that time, of which a few dozen came in each part.
    const uint64_t time = oldest_ns(waiting.ages);
    if (time < dump.uptime_ns / 2 || !came_undiminished(waiting.ages, 0, time)) continue;
    dump.verdicts.emplace(place, may_leak(dump, waiting));  // if there is none
  }
}

}  // namespace coroscope
