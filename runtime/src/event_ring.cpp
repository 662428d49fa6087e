// SPDX-License-Identifier: Apache-2.0
#include "event_ring.h"

#include <algorithm>
#include <atomic>

#include "lifecycle.h"
#include "probes.h"

namespace coro::detail {
namespace {

constinit std::atomic<std::uint64_t> next_number{1};

static_assert(CORO_EVENT_CAPACITY % EventRing::batch == 0);
static_assert((CORO_EVENT_CAPACITY & (CORO_EVENT_CAPACITY - 1)) == 0);

}  // namespace

// Not `events_`: pages that nobody writes to are none.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
EventRing::EventRing(coro_worker& published) noexcept : published_(published) {
  put(published_.number, next_number.fetch_add(1, std::memory_order_relaxed));
  put(published_.events, reinterpret_cast<std::uint64_t>(events_.data()));
}

void EventRing::add(std::uint64_t time_ns) noexcept {
  const std::uint64_t written = published_.events_written;
  if (!waiting()) oldest_ns_ = time_ns;
  std::atomic_ref(published_.events_written).store(written + 1, std::memory_order_release);
  const std::uint64_t waiting_now = written + 1 - published_.events_flushed;
  if (waiting_now == batch || time_ns - oldest_ns_ >= longest_wait_ns) flush();
}

void EventRing::flush() noexcept {
  while (waiting()) {
    const std::uint64_t first = published_.events_flushed;
    const std::uint64_t place = first % events_.size();
    const std::uint64_t count =
        std::min(published_.events_written - first, std::uint64_t{events_.size()} - place);
    probes::flush(&events_[place], count, published_.number, first);
    // Not before: what was flushed is known to whoever is attached.
    std::atomic_ref(published_.events_flushed).store(first + count, std::memory_order_release);
  }
}

void EventRing::flush_old() noexcept {
  if (waiting() && now(oldest_ns_) - oldest_ns_ >= longest_wait_ns) flush();
}

}  // namespace coro::detail
