// SPDX-License-Identifier: Apache-2.0
#include "model/dump.h"

#include <algorithm>

namespace coroscope {
namespace {

template <typename Id>
const DumpedStack& find(const std::map<Id, DumpedStack>& stacks, Id id) {
  static const DumpedStack unknown;
  const auto found = stacks.find(id);
  return found == stacks.end() ? unknown : found->second;
}

}  // namespace

double Dump::completeness() const {
  const uint64_t lost = losses.total();
  if (lost == 0) return 1;
  const auto seen = static_cast<double>(live());
  return seen / (seen + static_cast<double>(lost));
}

uint64_t Dump::count(Activity activity) const {
  return static_cast<uint64_t>(
      std::count_if(records.begin(), records.end(),
                    [activity](const DumpRecord& record) { return record.activity == activity; }));
}

std::string Dump::reason_of(Activity activity, Reason reason) const {
  if (activity != Activity::parked) return activity_name(activity);
  const auto found = reasons.find(reason);
  return found == reasons.end() ? "parked" : found->second;
}

const DumpedStack& Dump::parked_stack(ParkedStack id) const {
  return find(parked_stacks, id);
}

const DumpedStack& Dump::spawn_stack(SpawnStack id) const {
  return find(spawn_stacks, id);
}

const DumpVerdict* Dump::verdict_of(const DumpRecord& record) const {
  if (record.activity != Activity::parked) return nullptr;
  const auto found = verdicts.find(place_of(record));
  return found == verdicts.end() ? nullptr : &found->second;
}

}  // namespace coroscope
