// SPDX-License-Identifier: Apache-2.0
// Events in batches: what the classic probes tell one at a time is written to a ring of
// the worker while the semaphore of `flush` is up, and handed over many at a time. A trap
// into the kernel costs a hundred times what writing an event does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "coro/abi.h"
#include "descriptor.h"
#include "event_clock.h"

namespace coro::detail {

// EventRing is one worker's, and for the thread that has the worker.
class EventRing {
 public:
  // Handed over at once, at the most.
  static constexpr std::size_t batch = CORO_EVENT_CAPACITY / 2;
  // No event waits for longer, if its worker comes to look: one that runs a coroutine
  // without a scheduling point does not.
  static constexpr std::uint64_t longest_wait_ns = 10'000'000;

  // `published` is told where the ring is.
  explicit EventRing(coro_worker& published) noexcept;
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  // When something happens now: not before `earliest`, nor before what was told last.
  std::uint64_t now(std::uint64_t earliest) noexcept { return clock_.now(earliest); }

  // Where the next event is to be written, all of it; then add() adds it. Made where it stays:
  // to copy what was written in pieces a moment ago costs as much as to make it.
  [[nodiscard]] coro_event& next() noexcept {
    return events_[published_.events_written % events_.size()];
  }
  // Not earlier than what was added before.
  void add(std::uint64_t time_ns) noexcept;

  [[nodiscard]] bool waiting() const noexcept {
    return published_.events_written != published_.events_flushed;
  }
  void flush() noexcept;
  // If the oldest waits for too long.
  void flush_old() noexcept;

 private:
  coro_worker& published_;
  EventClock clock_;
  std::uint64_t oldest_ns_ = 0;  // when the first of those happened that wait
  std::array<coro_event, CORO_EVENT_CAPACITY> events_;
};

}  // namespace coro::detail
