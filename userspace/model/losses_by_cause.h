// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/ledger.h"

namespace coroscope {

// LossByCause is one cause, as encoders call it.
struct LossByCause {
  std::string_view cause;
  uint64_t count = 0;
};

// All causes, but for what the two censuses lost.
inline std::vector<LossByCause> losses_by_cause(const Losses& losses) {
  return {{"window_full", losses.window_full},
          {"bad_arguments", losses.bad_arguments},
          {"missed_runs", losses.missed_runs},
          {"events_unread", losses.events_unread},
          {"events_missed", losses.events_missed},
          {"events_skipped", losses.events_skipped},
          {"rings_unread", losses.rings_unread},
          {"unaccounted", losses.unaccounted},
          {"unaccounted_parks", losses.unaccounted_parks},
          {"stack_unmapped", losses.stack_unmapped},
          {"stacks_lost", losses.stacks_lost},
          {"members_dropped", losses.members_dropped}};
}

}  // namespace coroscope
