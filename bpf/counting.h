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
  if (count > WIRE_MOST_LOST) count = WIRE_MOST_LOST;
  if (lost) __sync_fetch_and_add(&lost->by_cause[cause & 7], count);
}

static __always_inline void count_loss(wire_u32 target, enum wire_loss cause) {
  count_losses(target, cause, 1);
}

/* The target, or null: unknown (a loss). */
static __always_inline struct wire_target* target_of(wire_u64 cookie) {
  wire_u32 slot = (wire_u32)cookie;
  if (cookie < WIRE_MAX_TARGETS) return (struct wire_target*)bpf_map_lookup_elem(&targets, &slot);
  count_loss(WIRE_MAX_TARGETS, WIRE_LOSS_TARGET);
  return 0;
}

/* Read once: what is in it begins and ends at once. */
static __always_inline wire_u32 mode_of(const struct wire_target* target) {
  return *(volatile const wire_u32*)&target->mode;
}

/* What is being counted: an event, of which target, and whether it is noted. */
struct counted {
  wire_u32 target;
  wire_u32 noted;
  wire_u32 kind; /* enum wire_event_kind */
  wire_u32 stack_id;
  wire_u64 id;
  wire_u64 value; /* of an unpark: for how long it was parked */
  wire_u64 moment;
  wire_u32 parked_stack_id;
};

/* Where in an array of maps the counters of a stack of a target are; beyond the last place
 * if it is a stack that no target has room for. */
static __always_inline wire_u32 chunk_of(wire_u32 target, wire_u32 stack_id) {
  wire_u32 chunk = stack_id / WIRE_CHUNK_STACKS;
  return chunk < WIRE_TARGET_CHUNKS ? target * WIRE_TARGET_CHUNKS + chunk : ~0u;
}

static __always_inline void* find_counters(wire_u32 target, wire_u32 stack_id) {
  wire_u32 chunk = chunk_of(target, stack_id), index = stack_id % WIRE_CHUNK_STACKS;
  void* stacks = bpf_map_lookup_elem(&stack_counters, &chunk);
  return stacks ? bpf_map_lookup_elem(stacks, &index) : (void*)0;
}

/* The counters of a stack; an id without a slot is counted in slot 0. */
static __always_inline struct wire_stack_counters* counters_of(const struct counted* event) {
  void* counters = find_counters(event->target, event->stack_id);
  if (!counters) {
    counters = find_counters(event->target, 0);
    if (counters) count_loss(event->target, WIRE_LOSS_STACK_UNMAPPED); /* not before it has some */
  }
  return (struct wire_stack_counters*)counters;
}

static __always_inline void* find_park_counters(wire_u32 target, wire_u32 stack_id) {
  wire_u32 chunk = chunk_of(target, stack_id), index = stack_id % WIRE_CHUNK_STACKS;
  void* stacks = bpf_map_lookup_elem(&park_counters, &chunk);
  return stacks ? bpf_map_lookup_elem(stacks, &index) : (void*)0;
}

/* The same of a parked stack; null if nobody asked. */
static __always_inline struct wire_park_counters* park_counters_of(const struct counted* event) {
  void* counters;
  if (!event->parked_stack_id) return 0;
  counters = find_park_counters(event->target, event->parked_stack_id);
  if (!counters) counters = find_park_counters(event->target, 0);
  return (struct wire_park_counters*)counters;
}

/* Notes that something happened to a coroutine, at a moment (see wire_window_entry). */
static __always_inline void note_in_window(const struct counted* event) {
  wire_u32 kind = event->kind;
  struct wire_window_key key = {event->id, event->target, 0};
  struct wire_window_entry* entry;
  if (!event->noted) return;
  entry = (struct wire_window_entry*)bpf_map_lookup_elem(&windows, &key);
  if (!entry) {
    struct wire_window_entry fresh = {{0}, 0, event->stack_id, 0};
    bpf_map_update_elem(&windows, &key, &fresh, WIRE_NOEXIST);
    entry = (struct wire_window_entry*)bpf_map_lookup_elem(&windows, &key);
    if (!entry) {
      count_loss(event->target, WIRE_LOSS_WINDOW_FULL);
      return;
    }
  }
  /* The compiler knows its bounds, the verifier does not. */
  __asm__ volatile("" : "+r"(kind));
  __sync_fetch_and_add(&entry->events[kind & 7], 1);
  if (event->kind == WIRE_EVENT_UNPARK) __sync_fetch_and_add(&entry->order, event->moment);
  if (event->kind == WIRE_EVENT_PARK) __sync_fetch_and_add(&entry->order, -event->moment);
}

/* 1 if `ns` needs more than `bits`, without a branch: durations are such that the processor
 * would guess wrong. Of numbers below 2^63. */
static __always_inline wire_u32 is_longer(wire_u64 ns, wire_u32 bits) {
  return (wire_u32)((((1ull << bits) - 1) - ns) >> 63);
}

/* The binary logarithm, by halves. */
static __always_inline wire_u32 park_bucket(wire_u64 ns) {
  wire_u32 bucket, half;
  ns = (ns | -(ns >> 63)) & ~0ull >> 1; /* what is longer yet has the last bucket, too */
  half = is_longer(ns, 32) << 5;
  ns >>= half;
  bucket = half;
  half = is_longer(ns, 16) << 4;
  ns >>= half;
  bucket += half;
  half = is_longer(ns, 8) << 3;
  ns >>= half;
  bucket += half;
  half = is_longer(ns, 4) << 2;
  ns >>= half;
  bucket += half;
  half = is_longer(ns, 2) << 1;
  ns >>= half;
  bucket += half;
  bucket += is_longer(ns, 1);
  return bucket < WIRE_PARK_BUCKETS ? bucket : WIRE_PARK_BUCKETS - 1;
}

static __always_inline void count_park(const struct counted* event) {
  struct wire_park_counters* place = park_counters_of(event);
  if (!place) return;
  if (event->kind == WIRE_EVENT_PARK) {
    __sync_fetch_and_add(&place->parks, 1);
    return;
  }
  __sync_fetch_and_add(&place->unparks, 1);
  __sync_fetch_and_add(&place->parked_ns, event->value);
}

static __always_inline void count_event(const struct counted* event) {
  struct wire_stack_counters* counters = counters_of(event);
  if (!counters) return;
  switch (event->kind) {
    case WIRE_EVENT_SPAWN:
      __sync_fetch_and_add(&counters->spawned, 1);
      break;
    case WIRE_EVENT_EXIT:
      __sync_fetch_and_add(&counters->exited, 1);
      break;
    case WIRE_EVENT_PARK:
      __sync_fetch_and_add(&counters->parks, 1);
      count_park(event);
      break;
    case WIRE_EVENT_UNPARK:
      __sync_fetch_and_add(&counters->parked_ns, event->value);
      __sync_fetch_and_add(&counters->park_ns_log2[park_bucket(event->value)], 1);
      count_park(event);
      break;
    default:
      count_loss(event->target, WIRE_LOSS_ARGUMENT);
      return;
  }
  note_in_window(event);
}

static __always_inline int is_wait(wire_u32 kind) {
  return kind == WIRE_EVENT_PARK || kind == WIRE_EVENT_UNPARK;
}

/* An event of one of the probes that tell them one by one. */
static __always_inline void count_one(wire_u64 cookie, enum wire_event_kind kind, wire_u64 id,
                                      wire_u64 stack_id, wire_u64 value) {
  const struct wire_target* target = target_of(cookie);
  wire_u32 mode;
  if (!target) return;
  mode = mode_of(target);
  if (!(mode & WIRE_MODE_COUNTING)) {
    if (mode & WIRE_MODE_AGAIN) count_loss((wire_u32)cookie, WIRE_LOSS_RESYNC);
    return;
  }
  if (is_wait(kind) && !wire_sampled(id, target->sample)) return;
  {
    struct counted event = {.target = (wire_u32)cookie,
                            .noted = mode & WIRE_MODE_WINDOW,
                            .kind = kind,
                            .stack_id = stack_id >> 32 ? ~0u : (wire_u32)stack_id,
                            .id = id,
                            .value = value,
                            .moment = mode & WIRE_MODE_WINDOW ? bpf_ktime_get_ns() : 0,
                            .parked_stack_id = 0};
    count_event(&event);
  }
}

#define CHECK_EACH 128u /* beside the mode: not all events of the batch may count, or be noted */

/* Whether the event counts; and takes from it that it is noted, if it is not. */
static __always_inline int counts(struct counted* event, wire_u32 mode, wire_u64 time_ns) {
  const struct wire_target* target = target_of(event->target);
  if (!target) return 0;
  if (time_ns < target->since_ns) {
    if (mode & WIRE_MODE_AGAIN) count_loss(event->target, WIRE_LOSS_RESYNC);
    return 0;
  }
  /* Not what the batch was told at its beginning: see Accounting::close_window. */
  if (event->noted && time_ns >= *(volatile const wire_u64*)&target->until_ns) event->noted = 0;
  return !is_wait(event->kind) || wire_sampled(event->id, target->sample);
}

/* One event of a batch. A function of its own, so that the verifier looks at it once, and
 * not once for each event that a batch may have; of numbers only, which is what kernels
 * before 5.12 allow. `what`: the target, and from bit 8 the kind, from bit 16 the mode of
 * the batch and CHECK_EACH, from bit 32 the spawn stack; `order`: sequence, and from bit 32 the
 * parked stack. */
COUNTING_FUNCTION int count_handed_over(wire_u64 what, wire_u64 id, wire_u64 value, wire_u64 order,
                                        wire_u64 time_ns) {
  wire_u32 mode = (what >> 16) & 255;
  struct counted event = {.target = (wire_u32)(what & 255),
                          .noted = mode & WIRE_MODE_WINDOW,
                          .kind = (wire_u32)((what >> 8) & 255),
                          .stack_id = (wire_u32)(what >> 32),
                          .id = id,
                          .value = value,
                          .moment = (wire_u32)order,
                          .parked_stack_id = (wire_u32)(order >> 32)};
  if ((mode & CHECK_EACH) && !counts(&event, mode, time_ns)) return 0;
  count_event(&event);
  return 0;
}

static __always_inline void hand_over(wire_u64 target, wire_u64 mode,
                                      const struct wire_event* event) {
  wire_u64 kind = event->kind;
  if (kind > WIRE_EVENT_KINDS) kind = WIRE_EVENT_KINDS; /* it has 8 bits there */
  count_handed_over(target | kind << 8 | mode << 16 | (wire_u64)event->stack_id << 32, event->id,
                    event->value, event->sequence | (wire_u64)event->parked_stack_id << 32,
                    event->time_ns);
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

/* Of a thread that has no ring: one event at a time. */
static __always_inline void count_alone(wire_u32 cookie, wire_u32 mode, wire_u64 address,
                                        wire_u64 count) {
  struct wire_event event;
  if (count != 1 || bpf_probe_read_user(&event, sizeof event, (const void*)(long)address)) {
    count_losses(cookie, WIRE_LOSS_BATCH_UNREAD, count);
  } else if (mode & WIRE_MODE_COUNTING) {
    hand_over(cookie, mode | CHECK_EACH, &event);
  } else if (mode & WIRE_MODE_AGAIN) {
    count_loss(cookie, WIRE_LOSS_RESYNC);
  }
}

/* Whether each event of a batch has to be looked at. Those of a worker are in the order of
 * their times. */
static __always_inline int is_to_check(const struct wire_target* target, wire_u32 mode,
                                       const struct wire_event* first) {
  return (mode & WIRE_MODE_WINDOW) || target->sample > 1 || first->time_ns < target->since_ns;
}

static __always_inline void count_events(wire_u32 cookie, const struct wire_target* target,
                                         wire_u32 mode, struct wire_worker* worker,
                                         wire_u64 address, wire_u64 count) {
  wire_u32 i;
  if (!(mode & WIRE_MODE_COUNTING)) {
    if (mode & WIRE_MODE_AGAIN) count_losses(cookie, WIRE_LOSS_RESYNC, count);
    return;
  }
  if (count > WIRE_BATCH ||
      bpf_probe_read_user(worker->events, (wire_u32)count * sizeof(struct wire_event),
                          (const void*)(long)address)) {
    count_losses(cookie, WIRE_LOSS_BATCH_UNREAD, count);
    return;
  }
  if (is_to_check(target, mode, worker->events)) mode |= CHECK_EACH;
  for (i = 0; i < WIRE_BATCH; ++i) {
    if (i >= count) break;
    hand_over(cookie, mode, &worker->events[i]);
  }
}

/* There is a gap, or some of the events are known; which no runtime does. */
static __always_inline void count_out_of_order(wire_u32 cookie, const struct wire_target* target,
                                               struct wire_worker* worker, wire_u64 count,
                                               wire_u64 first) {
  wire_u64 known = worker->next > worker->begun ? worker->next : worker->begun;
  wire_u64 end = first > worker->next ? first : first + count;
  wire_u64 missed = end > known ? end - known : 0;
  if (mode_of(target) & WIRE_MODE_COUNTING) count_losses(cookie, WIRE_LOSS_BATCH_MISSED, missed);
  if (first > worker->next) return;
  worker->next = first + count;
  worker->done = first + count;
}

/* flush(): events in the memory of the target. Those of a worker are numbered: what comes
 * twice is left out, and a gap is a counted loss. */
static __always_inline void count_batch(wire_u64 cookie, wire_u64 address, wire_u64 count,
                                        wire_u64 number, wire_u64 first) {
  const struct wire_target* target = target_of(cookie);
  struct wire_worker* worker;
  wire_u32 mode;
  if (!target) return;
  if (!number) {
    count_alone((wire_u32)cookie, mode_of(target), address, count);
    return;
  }
  worker = worker_of(cookie, number);
  if (!worker) {
    count_losses((wire_u32)cookie, WIRE_LOSS_WORKER, count);
    return;
  }
  if (first + count <= worker->next) return;
  if (first != worker->next) {
    count_out_of_order((wire_u32)cookie, target, worker, count, first);
    if (first < worker->next) return;
  }
  /* Before the mode is read: userspace changes the mode, and then waits for whoever has
   * begun. */
  *(volatile wire_u64*)&worker->next = first + count;
  mode = mode_of(target);
  count_events((wire_u32)cookie, target, mode, worker, address, count);
  if (mode & WIRE_MODE_WINDOW) worker->noted = first + count;
  *(volatile wire_u64*)&worker->done = first + count;
}

#endif /* COROSCOPE_COUNTING_H */
