// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/records.h"
#include "wire.h"

namespace coroscope {

// WindowEvent::seen of what the kernel noted of one coroutine.
inline uint32_t seen_of(const wire_window_entry& entry) {
  const uint32_t parks = entry.events[WIRE_EVENT_PARK];
  const uint32_t unparks = entry.events[WIRE_EVENT_UNPARK];
  uint32_t seen = 0;
  if (entry.events[WIRE_EVENT_SPAWN] > 0) seen |= seen_spawn;
  if (entry.events[WIRE_EVENT_EXIT] > 0) seen |= seen_exit;
  if (parks + unparks > 0) seen |= seen_wait;
  // They alternate, so who is more often there was first; else the sum of moments tells.
  const bool unpark_first =
      unparks != parks ? unparks > parks : static_cast<int64_t>(entry.order) < 0;
  if (unparks > 0 && unpark_first) seen |= seen_first_wait_ended;
  return seen;
}

}  // namespace coroscope
