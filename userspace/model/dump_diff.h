// SPDX-License-Identifier: Apache-2.0
// What became of the coroutines of one dump in another.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/dump.h"

namespace coroscope {

// DumpChange is a population in both dumps: those of the same reason (or state),
// waiting at the same place and born at the same place, as functions and lines, so
// that it is the same in another process of the same program.
struct DumpChange {
  enum class Kind {
    blocked,  // more than before, and they wait
    more,     // more than before, that do not wait
    less,     // fewer than before, or none any more
  };

  Kind kind = Kind::more;
  Activity activity = Activity::runnable;
  std::string reason;                   // or the state
  const DumpedStack* parked = nullptr;  // never null
  const DumpedStack* spawned = nullptr;
  std::vector<uint32_t> before;  // indices of records
  std::vector<uint32_t> after;
  // If the two are of the same process: those of `after` that were not alive
  // before, and how many of `before` have ended. Else empty and 0.
  std::vector<uint32_t> born;
  uint64_t ended = 0;

  int64_t growth() const {
    return static_cast<int64_t>(after.size()) - static_cast<int64_t>(before.size());
  }
};

// DumpDiff refers to both dumps, which must outlive it.
struct DumpDiff {
  const Dump& before;
  const Dump& after;
  // The ids of both mean the same coroutines, so that born and ended are known.
  bool same_process = false;
  uint64_t born = 0;
  uint64_t ended = 0;
  // Populations of which there are more or fewer: the blocked first, of each kind
  // the largest change first.
  std::vector<DumpChange> changes;
  uint64_t unchanged = 0;  // populations of as many as before

  bool blocked() const {
    return !changes.empty() && changes.front().kind == DumpChange::Kind::blocked;
  }
};

DumpDiff diff(const Dump& before, const Dump& after);

}  // namespace coroscope
