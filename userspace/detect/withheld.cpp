// SPDX-License-Identifier: Apache-2.0
#include "detect/withheld.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace coroscope {

std::string what_would_help(const Losses& losses) {
  const CensusLosses& first = losses.census;
  const CensusLosses& last = losses.latest;
  const std::vector<std::pair<uint64_t, const char*>> causes = {
      {first.torn + last.torn + first.unsettled + last.unsettled,
       "coroutines changed while they were read: look when the process does less"},
      {first.over_limit + last.over_limit,
       "there are more coroutines than one look takes in, or the machine is too slow for them"},
      {first.unreadable + last.unreadable,
       "memory of the process could not be read: it may be swapped out, or protected"},
      {first.malformed + last.malformed,
       "its table makes no sense in places: is the runtime of another version, or its memory "
       "damaged?"},
      {losses.window_full, "too much happened while the probes were put in: attach again"},
      {losses.bad_arguments,
       "arguments of probes could not be read: `coroscope doctor` may tell why"},
      {losses.missed_runs,
       "the kernel skipped events: with fewer observers, or less load, it does not"},
      {losses.events_unread + losses.rings_unread,
       "batches of events could not be read: its memory may be swapped out; --probes classic does "
       "not need to"},
      {losses.events_missed + losses.events_skipped,
       "batches of events did not come: with fewer workers or observers they do"},
      {losses.unaccounted + losses.unaccounted_parks,
       "what was read does not fit the events: attach again, and tell us if that stays"},
      {losses.stack_unmapped + losses.stacks_lost,
       "there are more spawn stacks than are told apart: the totals hold, the places do not"},
      {losses.members_dropped, "there are more populations than are followed"}};
  const auto most = std::max_element(
      causes.begin(), causes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return most->first > 0 ? most->second : "";
}

}  // namespace coroscope
