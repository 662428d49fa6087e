// SPDX-License-Identifier: Apache-2.0
#include "model/window.h"

namespace coroscope {

void note(const Event& event, Noted& noted) {
  if (event.kind == 0 || event.kind >= WIRE_EVENT_KINDS) return;
  const auto [found, added] = noted.try_emplace(event.id);
  wire_window_entry& entry = found->second;
  if (added) entry.stack_id = event.stack_id;
  entry.events[event.kind]++;
  if (event.kind == WIRE_EVENT_UNPARK) entry.order += event.sequence;
  if (event.kind == WIRE_EVENT_PARK) entry.order -= event.sequence;
}

uint32_t seen_of(const wire_window_entry& entry, Moments moments) {
  const uint32_t parks = entry.events[WIRE_EVENT_PARK];
  const uint32_t unparks = entry.events[WIRE_EVENT_UNPARK];
  uint32_t seen = 0;
  if (entry.events[WIRE_EVENT_SPAWN] > 0) seen |= seen_spawn;
  if (entry.events[WIRE_EVENT_EXIT] > 0) seen |= seen_exit;
  if (parks + unparks > 0) seen |= seen_wait;
  const auto order = static_cast<int64_t>(entry.order);
  const bool below = moments == Moments::times ? order < 0 : static_cast<int32_t>(order) < 0;
  // They alternate, so who is more often there was first; else the sum of moments tells.
  const bool unpark_first = unparks != parks ? unparks > parks : below;
  if (unparks > 0 && unpark_first) seen |= seen_first_wait_ended;
  return seen;
}

std::vector<WindowEvent> seen_of(const Noted& noted, Moments moments) {
  std::vector<WindowEvent> events;
  events.reserve(noted.size());
  for (const auto& [id, entry] : noted) {
    events.push_back({id, seen_of(entry, moments), entry.stack_id});
  }
  return events;
}

}  // namespace coroscope
