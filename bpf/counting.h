/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What one event does to the maps.
 *
 * No kernel header is needed here: the including file brings the maps
 * (maps.bpf.h, or the fakes of tests/bpf) and the helpers that
 * it calls, so that the same lines run in the kernel and in a unit
 * test on the host.
 *
 * Only additions whose result is not used: those are what a 5.10 kernel's BPF
 * can do atomically.
 */
#ifndef COROSCOPE_COUNTING_H
#define COROSCOPE_COUNTING_H

#include "wire.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#ifndef COUNTING_FUNCTION
#define COUNTING_FUNCTION __attribute__((noinline))
#endif

#define WIRE_NOEXIST 1 /* BPF_NOEXIST */

static __always_inline void count_losses(wire_u32 target, enum wire_loss cause, wire_u64 count) {
  wire_u32 slot = target < WIRE_MAX_TARGETS ? target : WIRE_MAX_TARGETS;
  struct wire_losses* lost = (struct wire_losses*)bpf_map_lookup_elem(&losses, &slot);
  if (lost) __sync_fetch_and_add(&lost->by_cause[cause & 7], count);
}

static __always_inline void count_loss(wire_u32 target, enum wire_loss cause) {
  count_losses(target, cause, 1);
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

/* Notes that something happened to a coroutine, at a moment (see wire_window_entry); 0: now. */
static __always_inline void note_in_window(const struct wire_target* target, wire_u64 cookie,
                                           wire_u64 id, wire_u64 stack_id,
                                           enum wire_event_kind kind, wire_u64 moment) {
  struct wire_window_key key = {id, (wire_u32)cookie, 0};
  struct wire_window_entry* entry;
  if (!(target->mode & WIRE_MODE_WINDOW)) return;
  entry = (struct wire_window_entry*)bpf_map_lookup_elem(&windows, &key);
  if (!entry) {
    struct wire_window_entry fresh = {{0}, 0, (wire_u32)stack_id, 0};
    bpf_map_update_elem(&windows, &key, &fresh, WIRE_NOEXIST);
    entry = (struct wire_window_entry*)bpf_map_lookup_elem(&windows, &key);
    if (!entry) {
      count_loss((wire_u32)cookie, WIRE_LOSS_WINDOW_FULL);
      return;
    }
  }
  __sync_fetch_and_add(&entry->events[kind & 7], 1);
  if (!moment) moment = bpf_ktime_get_ns();
  if (kind == WIRE_EVENT_UNPARK) __sync_fetch_and_add(&entry->order, moment);
  if (kind == WIRE_EVENT_PARK) __sync_fetch_and_add(&entry->order, -moment);
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

/* `value`: of an unpark, for how long it was parked. */
static __always_inline void count_event(const struct wire_target* target, wire_u64 cookie,
                                        enum wire_event_kind kind, wire_u64 id, wire_u64 stack_id,
                                        wire_u64 value, wire_u64 moment) {
  struct wire_stack_counters* counters = counters_of(target, cookie, stack_id);
  if (!counters) return;
  switch (kind) {
    case WIRE_EVENT_SPAWN:
      __sync_fetch_and_add(&counters->spawned, 1);
      __sync_fetch_and_add(&counters->live, 1);
      break;
    case WIRE_EVENT_EXIT:
      __sync_fetch_and_add(&counters->exited, 1);
      __sync_fetch_and_add(&counters->live, -1);
      break;
    case WIRE_EVENT_PARK:
      __sync_fetch_and_add(&counters->parks, 1);
      __sync_fetch_and_add(&counters->parked, 1);
      break;
    case WIRE_EVENT_UNPARK:
      __sync_fetch_and_add(&counters->unparks, 1);
      __sync_fetch_and_add(&counters->parked, -1);
      __sync_fetch_and_add(&counters->parked_ns, value);
      __sync_fetch_and_add(&counters->park_ns_log2[park_bucket(value)], 1);
      break;
    default:
      count_loss((wire_u32)cookie, WIRE_LOSS_ARGUMENT);
      return;
  }
  note_in_window(target, cookie, id, stack_id, kind, moment);
}

static __always_inline void count_one(wire_u64 cookie, enum wire_event_kind kind, wire_u64 id,
                                      wire_u64 stack_id, wire_u64 value) {
  const struct wire_target* target = counting_target(cookie);
  if (target) count_event(target, cookie, kind, id, stack_id, value, 0);
}

/* One event of a batch. A function of its own, so that the verifier looks at it once, and
 * not once for each event that a batch may have; of numbers only, which is what kernels
 * before 5.12 allow. `what`: the cookie, and above it the kind. */
COUNTING_FUNCTION int count_handed_over(wire_u64 what, wire_u64 id, wire_u64 stack_id,
                                        wire_u64 value, wire_u64 sequence) {
  wire_u64 cookie = (wire_u32)what;
  const struct wire_target* target = counting_target(cookie);
  if (target)
    count_event(target, cookie, (enum wire_event_kind)(what >> 32), id, stack_id, value, sequence);
  return 0;
}

static __always_inline void hand_over(wire_u64 cookie, const struct wire_event* event) {
  count_handed_over((wire_u32)cookie | (wire_u64)event->kind << 32, event->id, event->stack_id,
                    event->value, event->sequence);
}

/* What is known of a worker; null: there are too many. */
static __always_inline struct wire_worker* worker_of(wire_u64 cookie, wire_u64 number) {
  struct wire_worker_key key = {number, (wire_u32)cookie, 0};
  struct wire_worker* worker = (struct wire_worker*)bpf_map_lookup_elem(&workers, &key);
  wire_u32 first = 0;
  void* fresh;
  if (worker) return worker;
  fresh = bpf_map_lookup_elem(&fresh_worker, &first);
  if (!fresh) return 0;
  bpf_map_update_elem(&workers, &key, fresh, WIRE_NOEXIST);
  return (struct wire_worker*)bpf_map_lookup_elem(&workers, &key);
}

/* flush(): events in the memory of the target. Those of a worker are numbered: what was
 * there before we were, or comes twice, is left out, and a gap is a counted loss. */
static __always_inline void count_batch(wire_u64 cookie, wire_u64 address, wire_u64 count,
                                        wire_u64 number, wire_u64 first) {
  const struct wire_target* target = counting_target(cookie);
  struct wire_worker* worker;
  wire_u64 skipped = 0;
  wire_u32 i;
  if (!target) return;
  if (!number) { /* of a thread that has no ring */
    struct wire_event event;
    if (count == 1 && !bpf_probe_read_user(&event, sizeof event, (const void*)(long)address))
      hand_over(cookie, &event);
    else
      count_losses((wire_u32)cookie, WIRE_LOSS_BATCH_UNREAD, count);
    return;
  }
  worker = worker_of(cookie, number);
  if (!worker || count > WIRE_BATCH) {
    count_losses((wire_u32)cookie, WIRE_LOSS_BATCH_UNREAD, count);
    return;
  }
  if (first + count <= worker->next) return;
  if (first < worker->next) skipped = worker->next - first;
  if (first > worker->next)
    count_losses((wire_u32)cookie, WIRE_LOSS_BATCH_MISSED, first - worker->next);
  worker->next = first + count;
  if (bpf_probe_read_user(worker->events, (wire_u32)count * sizeof(struct wire_event),
                          (const void*)(long)address)) {
    count_losses((wire_u32)cookie, WIRE_LOSS_BATCH_UNREAD, count - skipped);
    return;
  }
  for (i = 0; i < WIRE_BATCH; ++i) {
    if (i >= count) break;
    if (i >= skipped) hand_over(cookie, &worker->events[i]);
  }
  if (target->mode & WIRE_MODE_WINDOW) worker->noted = first + count;
}

#endif /* COROSCOPE_COUNTING_H */
