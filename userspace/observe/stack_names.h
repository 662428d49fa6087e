// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "detect/report.h"
#include "symbolize/symbolizer.h"
#include "symbolize/unwinder.h"
#include "targets/target.h"

namespace coroscope {

// StackNames turns the stacks of one target into ids and names: it unwinds and
// interns parked stacks during a census, and symbolizes on demand.
class StackNames {
 public:
  // Different parked stacks kept; further ones stay unread.
  static constexpr size_t max_parked_stacks = 65536;

  // `symbolizer` and `target` must outlive this.
  StackNames(Symbolizer& symbolizer, Target& target)
      : symbolizer_(symbolizer), unwinder_(symbolizer), target_(target) {}

  UnwoundContext intern(const ParkedContext& context);

  // Innermost first; empty if the id is not known.
  ReportedStack parked_frames(ParkedStack id);
  ReportedStack spawn_frames(SpawnStack id);

 private:
  ReportedStack name(const std::vector<uint64_t>& pcs, bool first_is_exact);

  Symbolizer& symbolizer_;
  Unwinder unwinder_;
  Target& target_;
  std::map<std::vector<uint64_t>, UnwoundContext> ids_;
  std::vector<const std::vector<uint64_t>*> parked_;  // by id - first_parked_stack
};

}  // namespace coroscope
