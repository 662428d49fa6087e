// SPDX-License-Identifier: Apache-2.0
// A dump of a process by census alone: needs no probe, so no BPF.
#pragma once

#include <functional>

#include "model/dump.h"
#include "model/dump_query.h"
#include "observe/observation.h"

namespace coroscope {

// Everything alive now, with its stacks in words. Error: target_gone. `look` is for
// what has to be read right after the census: finding words takes longer.
using LookAtCensus = std::function<void(const Census&)>;
Result<Dump> take_dump(Observation& observation, const LookAtCensus& look = {});

// DumpDetails asks the target about single coroutines of a dump. Later than the
// dump, so each answer is checked to be about the same wait of the same
// coroutine, and is missing if it is not.
class DumpDetails {
 public:
  explicit DumpDetails(const Target& target) : target_(target) {}

  // The name and labels only.
  DumpDetail names_of(const DumpRecord& record);
  // Also what is missing for its wait to end. `reason` is the name of why it waits.
  DumpDetail describe(const DumpRecord& record, const std::string& reason);
  // Of the members of a group: all, or some from all over it.
  ReportedNames count_names_of(const Dump& dump, const DumpGroup& group) const;

  // Coroutines that have a name or labels, but had ended or changed too fast.
  uint64_t unread() const { return unread_; }

 private:
  const Target& target_;
  uint64_t unread_ = 0;
};

}  // namespace coroscope
