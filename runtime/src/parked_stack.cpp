// SPDX-License-Identifier: Apache-2.0
#include "parked_stack.h"

#include <atomic>

#include "depot.h"
#include "descriptor.h"
#include "park.h"
#include "probes.h"
#include "spawn.h"

namespace coro::detail {

std::uint32_t intern_parked_stack(const coro_header& header, const void* frame) noexcept {
  if (header.kind != CORO_KIND_FIBER) return 0;
  WalkedStack stack;
  walk_running(frame, current_coroutine(), stack);
  const Depot::Interned interned = depot().find_or_add(stack);
  if (interned.id == 0 && stack.depth != 0) {
    std::atomic_ref(coro_counters.parked_stacks_lost).fetch_add(1, std::memory_order_relaxed);
  }
  if (interned.added != nullptr) {
    probes::parked_stack(interned.id, interned.added->frames, interned.added->depth);
  }
  return interned.id;
}

}  // namespace coro::detail
