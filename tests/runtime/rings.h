// SPDX-License-Identifier: Apache-2.0
// Asks for events, and reads them where the workers write them, as an observer would.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "coro/abi.h"
#include "descriptor.h"
#include "probes.h"

#if !defined(CORO_NO_PROBES)

// As the kernel does it for whoever attaches.
class Raised {
 public:
  explicit Raised(volatile unsigned short& semaphore) : semaphore_(semaphore) {
    semaphore_ = semaphore_ + 1;
  }
  ~Raised() { semaphore_ = semaphore_ - 1; }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;

 private:
  volatile unsigned short& semaphore_;
};

struct Attached : Raised {
  Attached() : Raised(coro_flush_semaphore) {}
};

struct AsksForParkedStacks : Raised {
  AsksForParkedStacks() : Raised(coro_parked_stack_semaphore) {}
};

inline const coro_worker& worker_of(const coro_scheduler& scheduler, std::uint32_t index) {
  return *reinterpret_cast<const coro_worker*>(scheduler.workers +
                                               index * coro_descriptor.worker_size);
}

// The events that are still in the rings of schedulers that run.
inline std::vector<std::vector<coro_event>> rings() {
  std::vector<std::vector<coro_event>> all;
  const auto* schedulers = reinterpret_cast<const coro_scheduler*>(coro_descriptor.schedulers);
  for (std::uint32_t i = 0; i < coro_descriptor.scheduler_capacity; ++i) {
    if (schedulers[i].id == 0) continue;
    for (std::uint32_t w = 0; w < schedulers[i].worker_count; ++w) {
      const coro_worker& worker = worker_of(schedulers[i], w);
      const auto* ring = reinterpret_cast<const coro_event*>(worker.events);
      std::vector<coro_event>& events = all.emplace_back();
      const std::uint64_t kept =
          std::min<std::uint64_t>(worker.events_written, coro_descriptor.event_capacity);
      for (std::uint64_t n = worker.events_written - kept; n < worker.events_written; ++n) {
        events.push_back(ring[n % coro_descriptor.event_capacity]);
      }
    }
  }
  return all;
}

inline std::vector<coro_event> events_in_rings() {
  std::vector<coro_event> events;
  for (const auto& ring : rings()) events.insert(events.end(), ring.begin(), ring.end());
  return events;
}

// What each coroutine went through, in order.
inline std::map<std::uint64_t, std::vector<coro_event>> lives_in_rings() {
  std::map<std::uint64_t, std::vector<coro_event>> lives;
  for (const coro_event& one : events_in_rings()) lives[one.id].push_back(one);
  for (auto& [id, life] : lives) {
    std::sort(life.begin(), life.end(),
              [](const coro_event& a, const coro_event& b) { return a.sequence < b.sequence; });
  }
  return lives;
}

#endif
