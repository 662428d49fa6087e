// SPDX-License-Identifier: Apache-2.0
// What the schedulers and their workers publish.
#include "targets/coro/coro_target.h"
#include "targets/coro/event_reader.h"

namespace coroscope::coro {

std::optional<Schedulers> CoroTarget::schedulers() const {
  coro_descriptor now{};
  if (descriptor_.schedulers == 0 || process_.executed()) return std::nullopt;
  Schedulers result = schedulers_.read();
  if (copy_descriptor(memory_, place_.address, &now)) result.lost += now.schedulers_lost;
  return result;
}

bool CoroTarget::hands_over_batches() const {
  return coro::hands_over_batches(descriptor_);
}

EventRings CoroTarget::event_rings() const {
  uint64_t unread = 0;
  if (process_.executed()) return {};
  const std::vector<WorkerPlace> places = schedulers_.workers(&unread);
  EventRings rings = read_rings(memory_, descriptor_, places);
  rings.unread += unread;
  return rings;
}

}  // namespace coroscope::coro
