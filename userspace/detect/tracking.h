// SPDX-License-Identifier: Apache-2.0
// All groups of one target, in each way of grouping, followed and judged.
#pragma once

#include <array>

#include "detect/judge.h"
#include "model/populations.h"

namespace coroscope {

class Tracking {
 public:
  explicit Tracking(const JudgeRules& rules = {});

  // Takes the next census. `process_ns`: when the process began; 0: not known.
  void add(const Census& census, uint64_t process_ns);

  const Populations& by(Grouping grouping) const { return at(grouping).populations; }
  // Of one of by(population.grouping).all().
  Judgement judge(const Population& population, uint64_t patience_ns) const;

 private:
  struct Grouped {
    Populations populations;
    Judge judge;
  };
  const Grouped& at(Grouping grouping) const { return grouped_[static_cast<size_t>(grouping)]; }

  std::array<Grouped, all_groupings.size()> grouped_;
};

}  // namespace coroscope
