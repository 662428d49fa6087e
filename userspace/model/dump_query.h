// SPDX-License-Identifier: Apache-2.0
// What a dump is asked for: who, in groups or one by one, in which order.
#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/dump.h"
#include "util/pattern.h"

namespace coroscope {

// DumpFilter keeps who meets all of it; what is empty asks for nothing.
struct DumpFilter {
  std::vector<Activity> states;      // one of them
  std::vector<std::string> reasons;  // one of them, by name
  uint64_t older_than_ns = 0;        // since birth
  uint64_t waited_ns = 0;            // so far, at least
  // Searched for in frames as frame_text gives them.
  std::optional<Pattern> stack;                             // any frame of the parked stack
  std::optional<Pattern> top;                               // its top_frame
  std::optional<Pattern> created_by;                        // any frame of the spawn stack
  std::vector<std::pair<std::string, std::string>> labels;  // all of them

  bool empty() const;
};

// "handle_request /src/server.cpp:112"
std::string frame_text(const ReportedFrame& frame);

// Names and labels of a coroutine; asked for only where a filter needs them.
using DetailOf = std::function<DumpDetail(const DumpRecord&)>;

// Indices of the records that pass, in the order of the dump.
std::vector<uint32_t> filter(const Dump& dump, const DumpFilter& filter, const DetailOf& names_of);

// DumpGroup is those with the same state, reason, parked stack and spawn stack.
struct DumpGroup {
  Activity activity = Activity::runnable;
  Reason reason = 0;
  ParkedStack parked_stack = no_parked_stack;
  SpawnStack spawn_stack = 0;
  std::vector<uint32_t> members;  // indices of records
  uint64_t shortest_wait_ns = std::numeric_limits<uint64_t>::max();
  uint64_t longest_wait_ns = 0;
  uint64_t oldest_age_ns = 0;
  uint32_t example = 0;  // the member that waits longest
};

enum class DumpSort { count, age };

// The largest group first, or the one with the oldest member.
std::vector<DumpGroup> group(const Dump& dump, const std::vector<uint32_t>& records, DumpSort sort);

// Puts the oldest first; of those equally old, in the order of their ids.
void sort_by_age(const Dump& dump, std::vector<uint32_t>& records);

// DumpPage is what is shown of a dump. Encoders get each of `groups`, or of
// `records`, in that order.
struct DumpPage {
  const Dump& dump;
  bool grouped = true;
  bool filtered = false;
  uint64_t matched = 0;             // coroutines that passed the filter
  uint64_t groups_matched = 0;      // and the groups of them
  std::vector<DumpGroup> groups{};  // if grouped
  std::vector<uint32_t> records{};  // else

  uint64_t shown() const;  // coroutines
};

}  // namespace coroscope
