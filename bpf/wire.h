/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The whole contract between the BPF programs and userspace: what lies in the
 * maps. Included by both sides; fixed-width fields, explicit padding, sizes
 * asserted in both compilers.
 */
#ifndef COROSCOPE_WIRE_H
#define COROSCOPE_WIRE_H

#ifdef __bpf__
#include "vmlinux.h"
typedef __u32 wire_u32;
typedef __u64 wire_u64;
typedef __s64 wire_s64;
#else
#include <stdint.h>
typedef uint32_t wire_u32;
typedef uint64_t wire_u64;
typedef int64_t wire_s64;
#endif

#ifdef __cplusplus
#define WIRE_ASSERT(condition, text) static_assert(condition, text)
#else
#define WIRE_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* Bounds of the maps; userspace may lower or raise `max_entries` of those that
 * it sizes by the target before loading. */
#define WIRE_MAX_TARGETS 64u        /* processes observed by one loaded object */
#define WIRE_DEFAULT_STACKS 4096u   /* stack slots in all, over all targets */
#define WIRE_DEFAULT_WINDOW 131072u /* coroutines that may have events while a census runs */

/* Park durations: bucket b counts durations in [2^b, 2^(b+1)) ns, bucket 0 also
 * 0 ns and the last one everything longer (2^39 ns = 9.2 min). */
#define WIRE_PARK_BUCKETS 40u

/* One per target, written by userspace, read by the programs. The cookie of an
 * attached probe is the index into this array. */
struct wire_target {
  wire_u32 first_stack; /* its region in stack_counters: [first_stack, first_stack + stacks) */
  wire_u32 stacks;      /* slots in the region; slot 0 takes stack id 0 and every id that
                           does not fit, slot N stack id N */
  wire_u32 mode;        /* WIRE_MODE_*: one word, so that both begin at once */
  wire_u32 reserved;
};

/* While neither is set, probes are being attached and nothing is counted. */
#define WIRE_MODE_COUNTING 1u
#define WIRE_MODE_WINDOW 2u /* a census runs: events are also noted by coroutine */

/* One per target and spawn stack. live and parked are changes since counting
 * began: add the census's baseline to get the number of coroutines. */
struct wire_stack_counters {
  wire_u64 spawned;
  wire_u64 exited;
  wire_u64 parks;
  wire_u64 unparks;
  wire_s64 live;
  wire_s64 parked;
  wire_u64 parked_ns; /* sum of the durations of ended parks */
  wire_u64 reserved;
  wire_u64 park_ns_log2[WIRE_PARK_BUCKETS];
};

/* What happened to one coroutine since counting began, noted while a census
 * runs. */
#define WIRE_SEEN_SPAWN 1u /* its spawn was counted */
#define WIRE_SEEN_EXIT 2u  /* its exit was counted */
#define WIRE_SEEN_WAIT 4u  /* a park or unpark of it was counted */
#define WIRE_FIRST_WAIT_ENDED                                \
  8u /* the first of these was an unpark: it was parked when \
        counting began */

struct wire_window_key {
  wire_u64 id; /* of the coroutine */
  wire_u32 target;
  wire_u32 padding;
};

struct wire_window_entry {
  wire_u32 seen;     /* WIRE_SEEN_* */
  wire_u32 stack_id; /* as the probe gave it, not clamped */
};

/* Whatever could not be counted as it should, by cause; per target. */
enum wire_loss {
  WIRE_LOSS_STACK_UNMAPPED = 0, /* events whose stack id has no slot: counted in slot 0 */
  WIRE_LOSS_WINDOW_FULL = 1,    /* events that found no room in the window */
  WIRE_LOSS_ARGUMENT = 2,       /* probe arguments that could not be read: event not counted */
  WIRE_LOSS_TARGET = 3,         /* events with a cookie of no target: not counted */
  WIRE_LOSS_CAUSES = 4,
};

struct wire_losses {
  wire_u64 by_cause[8]; /* index: enum wire_loss */
};

WIRE_ASSERT(sizeof(struct wire_target) == 16, "wire_target");
WIRE_ASSERT(sizeof(struct wire_stack_counters) == 64 + 8 * WIRE_PARK_BUCKETS,
            "wire_stack_counters");
WIRE_ASSERT(sizeof(struct wire_window_key) == 16, "wire_window_key");
WIRE_ASSERT(sizeof(struct wire_window_entry) == 8, "wire_window_entry");
WIRE_ASSERT(sizeof(struct wire_losses) == 64, "wire_losses");
WIRE_ASSERT(WIRE_LOSS_CAUSES <= 8, "wire_losses has room for every cause");

#endif /* COROSCOPE_WIRE_H */
