// SPDX-License-Identifier: Apache-2.0
// What is told of a coroutine's life, while somebody is attached.
#include "lifecycle.h"

#include "event_ring.h"
#include "parked_stack.h"

namespace coro::detail {
namespace {

struct Told {
  coro_event_kind kind;
  std::uint64_t other;
  std::uint64_t value;
  std::uint64_t time_ns;
};

coro_event event_of(coro_header& header, const Told& told) noexcept {
  return {.id = get(header.id),
          .stack_id = get(header.spawn_stack_id),
          .sequence = get(header.sequence),
          .kind = static_cast<std::uint16_t>(told.kind),
          .reason = 0,
          .parked_stack_id = 0,
          .other = told.other,
          .value = told.value,
          .time_ns = told.time_ns};
}

}  // namespace

void tell_spawn(coro_header& header, Asked asked) noexcept {
  const std::uint64_t parent = get(header.parent_id);
  const std::uint64_t entry = get(header.entry);
  if (asked.probe) probes::spawn(get(header.id), parent, get(header.spawn_stack_id), entry);
  if (asked.batch) {
    add_event(event_of(header, {CORO_EVENT_SPAWN, parent, entry, get(header.spawned_ns)}));
  }
}

// Its own frame is where the walk of a parked stack begins: it has to be one.
__attribute__((noinline)) void tell_park(coro_header& header, Asked asked) noexcept {
  const std::uint32_t reason = get(header.reason);
  const std::uint64_t object = get(header.object);
  if (asked.probe) probes::park(get(header.id), reason, object, get(header.spawn_stack_id));
  if (asked.batch) {
    const std::uint64_t now = get(header.since_ns);
    coro_event event = event_of(header, {CORO_EVENT_PARK, object, now, now});
    event.reason = static_cast<std::uint16_t>(reason);
    if (probes::parked_stack_up()) {
      event.parked_stack_id = intern_parked_stack(header, __builtin_frame_address(0));
      put(header.parked_stack_id, event.parked_stack_id);
    }
    add_event(event);
  }
}

void tell_unpark(coro_header& header, Asked asked, std::uint64_t waker_id) noexcept {
  const std::uint64_t now = exact_now();
  const std::uint64_t parked_ns = elapsed(get(header.since_ns), now);
  if (asked.probe) probes::unpark(get(header.id), waker_id, parked_ns, get(header.spawn_stack_id));
  if (asked.batch) {
    coro_event event = event_of(header, {CORO_EVENT_UNPARK, waker_id, parked_ns, now});
    event.parked_stack_id = get(header.parked_stack_id);
    add_event(event);
  }
}

void tell_exit(coro_header& header, Asked asked) noexcept {
  const std::uint64_t now = exact_now();
  const std::uint64_t lifetime_ns = elapsed(get(header.spawned_ns), now);
  if (asked.probe) probes::exit(get(header.id), get(header.spawn_stack_id), lifetime_ns);
  if (asked.batch) add_event(event_of(header, {CORO_EVENT_EXIT, 0, lifetime_ns, now}));
}

}  // namespace coro::detail
