// SPDX-License-Identifier: Apache-2.0
// What is told of a coroutine's life, while somebody is attached.
#include "lifecycle.h"

#include <algorithm>

#include "event_ring.h"
#include "parked_stack.h"
#include "worker.h"

namespace coro::detail {
namespace {

struct Told {
  coro_event_kind kind;
  std::uint64_t other;
  std::uint64_t value;
  std::uint64_t time_ns;
  std::uint32_t parked_stack_id = 0;
};

void write_event(coro_event& event, coro_header& header, const Told& told) noexcept {
  event.id = get(header.id);
  event.stack_id = get(header.spawn_stack_id);
  event.sequence = get(header.sequence);
  event.kind = static_cast<std::uint16_t>(told.kind);
  event.reason = told.kind == CORO_EVENT_PARK ? static_cast<std::uint16_t>(get(header.reason)) : 0;
  event.parked_stack_id = told.parked_stack_id;
  event.other = told.other;
  event.value = told.value;
  event.time_ns = told.time_ns;
}

// Into the ring of the calling thread's worker; on a thread without one it is handed over
// alone.
void add_event(coro_header& header, const Told& told) noexcept {
  put(header.told_ns, told.time_ns);
  Worker* worker = current_worker();
  if (worker == nullptr) {
    coro_event event;
    write_event(event, header, told);
    return probes::flush(&event, 1, 0, 0);
  }
  write_event(worker->events().next(), header, told);
  worker->events().add(told.time_ns);
}

}  // namespace

std::uint64_t moment_told(coro_header& header, Asked asked) noexcept {
  if (!asked.batch) return exact_now();
  const std::uint64_t earliest = get(header.told_ns);
  Worker* worker = current_worker();
  return worker == nullptr ? std::max(exact_now(), earliest) : worker->events().now(earliest);
}

void tell_spawn(coro_header& header, Asked asked) noexcept {
  const std::uint64_t parent = get(header.parent_id);
  const std::uint64_t entry = get(header.entry);
  if (asked.probe) probes::spawn(get(header.id), parent, get(header.spawn_stack_id), entry);
  if (asked.batch) add_event(header, {CORO_EVENT_SPAWN, parent, entry, get(header.spawned_ns)});
}

// Its own frame is where the walk of a parked stack begins: it has to be one.
__attribute__((noinline)) void tell_park(coro_header& header, Asked asked) noexcept {
  const std::uint64_t object = get(header.object);
  if (asked.probe) {
    probes::park(get(header.id), get(header.reason), object, get(header.spawn_stack_id));
  }
  if (asked.batch) {
    const std::uint64_t now = get(header.since_ns);
    std::uint32_t stack = 0;
    if (probes::parked_stack_up()) {
      stack = intern_parked_stack(header, __builtin_frame_address(0));
      put(header.parked_stack_id, stack);
    }
    add_event(header, {CORO_EVENT_PARK, object, now, now, stack});
  }
}

void tell_unpark(coro_header& header, Asked asked, std::uint64_t waker_id) noexcept {
  const std::uint64_t now = moment_told(header, asked);
  const std::uint64_t parked_ns = elapsed(get(header.since_ns), now);
  if (asked.probe) probes::unpark(get(header.id), waker_id, parked_ns, get(header.spawn_stack_id));
  if (asked.batch) {
    add_event(header, {CORO_EVENT_UNPARK, waker_id, parked_ns, now, get(header.parked_stack_id)});
  }
}

void tell_exit(coro_header& header, Asked asked) noexcept {
  const std::uint64_t now = moment_told(header, asked);
  const std::uint64_t lifetime_ns = elapsed(get(header.spawned_ns), now);
  if (asked.probe) probes::exit(get(header.id), get(header.spawn_stack_id), lifetime_ns);
  if (asked.batch) add_event(header, {CORO_EVENT_EXIT, 0, lifetime_ns, now});
}

}  // namespace coro::detail
