// SPDX-License-Identifier: Apache-2.0
#include "detect/stuck.h"

#include <fmt/format.h>

#include <algorithm>

#include "detect/fates.h"

namespace coroscope {
namespace {

// Whether what it waits on was read, if there is anything.
bool is_read(const LookedAt& seen) {
  return seen.member.object == 0 || seen.object || seen.select;
}

// Nobody but those who wait has a handle of the channel that they all wait on.
bool is_unreachable(const LookedAt& seen) {
  if (!seen.object || seen.object->kind != WaitObject::Kind::channel) return false;
  const WaitObject& channel = *seen.object;
  const bool one_sided = channel.waiting_senders == 0 || channel.waiting_receivers == 0;
  return channel.handles > 0 && one_sided && !channel.closed &&
         channel.deadline_ns.value_or(1) == 0 &&
         channel.handles <= channel.waiting_senders + channel.waiting_receivers;
}

}  // namespace

uint64_t awaited_by(const LookedAt& seen) {
  return seen.object && seen.member.deadline_ns == 0 ? seen.object->awaited() : 0;
}

void StuckDetector::count(const WaitLook& look, const LookedAt& seen, Stuck stuck, Known& known) {
  const auto before = known_.find(seen.member.id);
  const bool again = before != known_.end() && before->second.place == seen.place;
  const bool same_wait = again && before->second.revision == seen.member.revision;
  const uint64_t length = seen.object ? seen.object->length : 0;
  known = {seen.place, seen.member.revision, 1, false, stuck, length, look.time_ns};
  if (again) {
    known.looks = before->second.looks + 1;
    known.woke = before->second.woke || !same_wait;
  }
  if (same_wait && before->second.length == length) {
    known.length_since_ns = before->second.length_since_ns;
  }
  if (!seen.sampled) return;
  PlaceWaits& waits = places_[seen.place];
  waits.members++;
  const bool stayed = known.looks >= 3;
  waits.stayed += stayed;
  waits.woke += stayed && known.woke;
  waits.orphans += stayed && look.ended.contains(seen.member.parent_id);
  waits.no_deadline += look.tells_deadlines && seen.member.deadline_ns == 0;
  if (!same_wait || !is_read(seen)) return;
  // What has just become stuck may be a moment between two states, or not.
  if (stuck != Stuck::no && before->second.stuck != stuck) return;
  waits.looked_at++;
  waits.stuck += stuck != Stuck::no;
  waits.unreachable += is_unreachable(seen);
  waits.taker_ended += seen.object && look.ended.contains(seen.object->last_taker);
  waits.object_same_ns = std::max(waits.object_same_ns, look.time_ns - known.length_since_ns);
}

void StuckDetector::check(const WaitLook& look) {
  const Fates fates(look);
  places_.clear();
  std::unordered_map<uint64_t, Known> now;
  now.reserve(look.members.size());
  for (size_t i = 0; i < look.members.size(); ++i) {
    const LookedAt& seen = look.members[i];
    count(look, seen, fates.of(i), now[seen.member.id]);
    if (!seen.sampled || fates.of(i) == Stuck::no) continue;
    PlaceWaits& waits = places_[seen.place];
    if (waits.why != Stuck::no) continue;
    waits.why = fates.of(i);
    waits.cause = fates.cause(i);
    fates.tell_chain(i, waits);
  }
  known_ = std::move(now);
}

// Of so few it may be a coincidence: handles prove nothing alone.
constexpr uint64_t least_unreachable = 8;

PlaceVerdicts stuck_places(const WaitPlaces& waits) {
  PlaceVerdicts verdicts;
  for (const auto& [place, seen] : waits) {
    if (seen.all_stuck()) {
      verdicts.emplace(place, Verdict::stuck);
    } else if (seen.all_unreachable() && seen.looked_at >= least_unreachable) {
      verdicts.emplace(place, Verdict::leak);
    }
  }
  return verdicts;
}

std::vector<std::string> format_chain(const PlaceWaits& waits,
                                      const std::function<std::string(Reason)>& reason,
                                      const std::function<std::string(ParkedStack)>& place,
                                      const std::function<std::string(uint64_t)>& code) {
  std::vector<std::string> lines;
  for (const WaitStep& step : waits.chain) {
    std::string line = fmt::format("coroutine {} waits", step.id);
    if (step.awaited == step.id) {
      line += " for itself";
    } else if (step.awaited != 0) {
      line += fmt::format(" for {}", step.awaited);
    }
    line += fmt::format(" [{}, {:#x}]", reason(step.reason), step.object);
    if (const std::string where = place(step.parked_stack); !where.empty()) line += "  " + where;
    const std::string taken = step.taken_at != 0 && step.awaited != 0 ? code(step.taken_at) : "";
    if (!taken.empty()) line += fmt::format(", taken by {} at {}", step.awaited, taken);
    lines.push_back(std::move(line));
  }
  if (waits.chain_cut) lines.push_back("and so on");
  return lines;
}

}  // namespace coroscope
