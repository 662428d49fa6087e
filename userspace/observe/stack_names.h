// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "detect/report.h"
#include "observe/waiting.h"
#include "symbolize/symbolizer.h"
#include "symbolize/unwinder.h"
#include "targets/target.h"

namespace coroscope {

// StackNames turns the stacks of one target into ids and names: it unwinds and
// interns parked stacks during a census, and symbolizes on demand. The places of
// a coroutine without a stack are interned as they are; the target tells their
// names, which are asked for at once, because it may have ended later.
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
  // Of the call that returns to there.
  ReportedStack call_frames(uint64_t return_address) { return name({return_address}, false); }
  // Which must not outlive this.
  FramesOf frames_of() {
    return {[this](ParkedStack stack) { return parked_frames(stack); },
            [this](uint64_t address) { return call_frames(address); }};
  }
  // Why a parked stack is not known to its outermost frame; empty if it is.
  std::string parked_cut(ParkedStack id) const;

 private:
  // What a parked stack is made of: code addresses, or places of the target's.
  struct Frames {
    bool places = false;
    std::vector<uint64_t> addresses;

    auto operator<=>(const Frames&) const = default;
  };

  struct Kept {
    UnwoundContext context;
    const char* cut = nullptr;  // why the stack is not complete; null if it is
  };

  UnwoundContext keep(Frames frames, const char* cut);
  ReportedStack name_places(const std::vector<uint64_t>& places);
  ReportedStack name(const std::vector<uint64_t>& pcs, bool first_is_exact);

  Symbolizer& symbolizer_;
  Unwinder unwinder_;
  Target& target_;
  std::map<Frames, Kept> ids_;
  std::vector<const std::pair<const Frames, Kept>*> parked_;  // by id - first_parked_stack
};

}  // namespace coroscope
