/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What one event does to the maps.
 *
 * No kernel header is needed here: the including file brings the maps
 * (maps.bpf.h, or the fakes of tests/bpf) and bpf_map_lookup_elem and
 * bpf_map_update_elem, so that the same lines run in the kernel and in a unit
 * test on the host.
 *
 * Only additions whose result is not used: those are what a 5.10 kernel's BPF
 * can do atomically. Flags in the window are set without atomics, because the
 * runtime never lets two events of one coroutine overlap.
 */
#ifndef COROSCOPE_COUNTING_H
#define COROSCOPE_COUNTING_H

#include "wire.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define WIRE_NOEXIST 1 /* BPF_NOEXIST */

static __always_inline void count_loss(wire_u32 target, enum wire_loss cause) {
  wire_u32 slot = target < WIRE_MAX_TARGETS ? target : WIRE_MAX_TARGETS;
  struct wire_losses* lost = (struct wire_losses*)bpf_map_lookup_elem(&losses, &slot);
  if (lost) __sync_fetch_and_add(&lost->by_cause[cause & 7], 1);
}

/* The target that counts, or null: unknown (a loss) or still being attached. */
static __always_inline struct wire_target* counting_target(wire_u64 cookie) {
  wire_u32 slot = (wire_u32)cookie;
  struct wire_target* target;
  if (cookie >= WIRE_MAX_TARGETS) {
    count_loss(WIRE_MAX_TARGETS, WIRE_LOSS_TARGET);
    return 0;
  }
  target = (struct wire_target*)bpf_map_lookup_elem(&targets, &slot);
  if (!target || !(target->mode & WIRE_MODE_COUNTING)) return 0;
  return target;
}

/* The counters of a stack; an id without a slot is counted in slot 0. */
static __always_inline struct wire_stack_counters* counters_of(const struct wire_target* target,
                                                               wire_u64 cookie, wire_u64 stack_id) {
  wire_u32 index = target->first_stack;
  struct wire_stack_counters* counters;
  if (stack_id < target->stacks)
    index += (wire_u32)stack_id;
  else
    count_loss((wire_u32)cookie, WIRE_LOSS_STACK_UNMAPPED);
  counters = (struct wire_stack_counters*)bpf_map_lookup_elem(&stack_counters, &index);
  if (!counters) count_loss((wire_u32)cookie, WIRE_LOSS_STACK_UNMAPPED);
  return counters;
}

/* Notes that `seen` happened to a coroutine. `first_wait` is added if nothing
 * of WIRE_SEEN_WAIT was noted before. */
static __always_inline void note_in_window(const struct wire_target* target, wire_u64 cookie,
                                           wire_u64 id, wire_u64 stack_id, wire_u32 seen,
                                           wire_u32 first_wait) {
  struct wire_window_key key = {id, (wire_u32)cookie, 0};
  struct wire_window_entry* entry;
  if (!(target->mode & WIRE_MODE_WINDOW)) return;
  entry = (struct wire_window_entry*)bpf_map_lookup_elem(&windows, &key);
  if (entry) {
    if ((seen & WIRE_SEEN_WAIT) && !(entry->seen & WIRE_SEEN_WAIT)) seen |= first_wait;
    if ((entry->seen & seen) != seen) entry->seen |= seen;
  } else {
    struct wire_window_entry fresh = {seen | first_wait, (wire_u32)stack_id};
    if (bpf_map_update_elem(&windows, &key, &fresh, WIRE_NOEXIST))
      count_loss((wire_u32)cookie, WIRE_LOSS_WINDOW_FULL);
  }
}

static __always_inline wire_u32 park_bucket(wire_u64 ns) {
  wire_u32 bucket = 0;
  if (ns >> 32) {
    ns >>= 32;
    bucket += 32;
  }
  if (ns >> 16) {
    ns >>= 16;
    bucket += 16;
  }
  if (ns >> 8) {
    ns >>= 8;
    bucket += 8;
  }
  if (ns >> 4) {
    ns >>= 4;
    bucket += 4;
  }
  if (ns >> 2) {
    ns >>= 2;
    bucket += 2;
  }
  if (ns >> 1) bucket += 1;
  return bucket < WIRE_PARK_BUCKETS ? bucket : WIRE_PARK_BUCKETS - 1;
}

static __always_inline void count_spawn(wire_u64 cookie, wire_u64 id, wire_u64 stack_id) {
  struct wire_target* target = counting_target(cookie);
  struct wire_stack_counters* counters;
  if (!target) return;
  counters = counters_of(target, cookie, stack_id);
  if (!counters) return;
  __sync_fetch_and_add(&counters->spawned, 1);
  __sync_fetch_and_add(&counters->live, 1);
  note_in_window(target, cookie, id, stack_id, WIRE_SEEN_SPAWN, 0);
}

static __always_inline void count_exit(wire_u64 cookie, wire_u64 id, wire_u64 stack_id) {
  struct wire_target* target = counting_target(cookie);
  struct wire_stack_counters* counters;
  if (!target) return;
  counters = counters_of(target, cookie, stack_id);
  if (!counters) return;
  __sync_fetch_and_add(&counters->exited, 1);
  __sync_fetch_and_add(&counters->live, -1);
  note_in_window(target, cookie, id, stack_id, WIRE_SEEN_EXIT, 0);
}

static __always_inline void count_park(wire_u64 cookie, wire_u64 id, wire_u64 stack_id) {
  struct wire_target* target = counting_target(cookie);
  struct wire_stack_counters* counters;
  if (!target) return;
  counters = counters_of(target, cookie, stack_id);
  if (!counters) return;
  __sync_fetch_and_add(&counters->parks, 1);
  __sync_fetch_and_add(&counters->parked, 1);
  note_in_window(target, cookie, id, stack_id, WIRE_SEEN_WAIT, 0);
}

static __always_inline void count_unpark(wire_u64 cookie, wire_u64 id, wire_u64 stack_id,
                                         wire_u64 parked_ns) {
  struct wire_target* target = counting_target(cookie);
  struct wire_stack_counters* counters;
  if (!target) return;
  counters = counters_of(target, cookie, stack_id);
  if (!counters) return;
  __sync_fetch_and_add(&counters->unparks, 1);
  __sync_fetch_and_add(&counters->parked, -1);
  __sync_fetch_and_add(&counters->parked_ns, parked_ns);
  __sync_fetch_and_add(&counters->park_ns_log2[park_bucket(parked_ns)], 1);
  note_in_window(target, cookie, id, stack_id, WIRE_SEEN_WAIT, WIRE_FIRST_WAIT_ENDED);
}

#endif /* COROSCOPE_COUNTING_H */
