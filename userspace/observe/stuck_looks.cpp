// SPDX-License-Identifier: Apache-2.0
#include "observe/stuck_looks.h"

#include <time.h>

#include <algorithm>
#include <vector>

#include "util/clock.h"

namespace coroscope {
namespace {

// Who unlocks gives the lock to the one that it wakes, which for a moment is held by whom it
// waits for. The moment is longer only if the thread loses its core in between: for less
// than this, but on a machine that is overloaded beyond use.
constexpr timespec handover{0, 100'000'000};

// Stacks are known of the first census alone: those who are in the same wait are where they
// were. The others stay, for somebody may wait for them, but at no place that anybody asks for.
void take_stacks(const Census& first, Census& again) {
  std::vector<const Member*> by_slot(first.slots, nullptr);
  for (const Member& member : first.members) {
    if (member.slot < by_slot.size()) by_slot[member.slot] = &member;
  }
  for (Member& member : again.members) {
    const Member* before = member.slot < by_slot.size() ? by_slot[member.slot] : nullptr;
    const bool same = before != nullptr && before->id == member.id &&
                      before->revision == member.revision && member.activity == before->activity;
    member.parked_stack = same ? before->parked_stack : no_parked_stack;
  }
}

}  // namespace

void StuckLooks::look(const Census& census) {
  detector_.check(look_at_waits(target_, census, ask_));
  const WaitPlaces& places = detector_.places();
  const bool any = std::any_of(places.begin(), places.end(),
                               [](const auto& place) { return place.second.why != Stuck::no; });
  if (!any) return;  // and what is not so at both looks is not stuck
  nanosleep(&handover, nullptr);
  auto again = again_();
  if (!again) return;  // it has ended: of one look nothing is said
  take_stacks(census, *again);
  detector_.check(look_at_waits(target_, *again, ask_));
}

void StuckLooks::tell(const FramesOf& frames, Dump& dump) const {
  const uint64_t now_ns = monotonic_ns();
  for (const auto& [place, waits] : detector_.places()) {
    if (!waits.all_stuck()) continue;
    const std::string reason = dump.reason_of(Activity::parked, place.reason);
    WaitWords words =
        describe_wait(target_, frames, reason, waits.chain.front().object, &waits, now_ns);
    dump.verdicts[{place.spawn_stack, place.parked_stack, place.reason}] = {
        std::string(verdict_name(Verdict::stuck)), std::move(words.cause.act),
        std::move(words.cause.evidence), std::move(words.chain), std::move(words.cause.fix)};
  }
}

}  // namespace coroscope
