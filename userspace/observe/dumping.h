// SPDX-License-Identifier: Apache-2.0
// A dump of a process by census alone: needs no probe, so no BPF.
#pragma once

#include <functional>

#include "model/dump.h"
#include "observe/observation.h"

namespace coroscope {

// Everything alive now, with its stacks in words. Error: target_gone. `look` is for
// what has to be read right after the census: finding words takes longer.
using LookAtCensus = std::function<void(const Census&)>;
Result<Dump> take_dump(Observation& observation, const LookAtCensus& look = {});

// The same, with verdicts on the places where coroutines wait: takes a little longer.
Result<Dump> take_judged_dump(Observation& observation);

// TargetDetails asks the target about single coroutines of a dump. Later than the
// dump, so each answer is checked to be about the same wait of the same
// coroutine, and is missing if it is not.
class TargetDetails : public DumpDetails {
 public:
  explicit TargetDetails(const Target& target) : target_(target) {}

  DumpDetail names_of(const DumpRecord& record) override;
  DumpDetail describe(const Dump& dump, const DumpRecord& record) override;
  ReportedNames count_names_of(const Dump& dump, const std::vector<uint32_t>& members) override;
  uint64_t unread() const override { return unread_; }

 private:
  const Target& target_;
  uint64_t unread_ = 0;
};

}  // namespace coroscope
