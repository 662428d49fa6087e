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
typedef __u8 wire_u8;
typedef __u16 wire_u16;
typedef __u32 wire_u32;
typedef __u64 wire_u64;
typedef __s64 wire_s64;
#else
#include <stdint.h>
typedef uint8_t wire_u8;
typedef uint16_t wire_u16;
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
#define WIRE_MAX_TARGETS 256u       /* processes observed by one loaded object; 8 bits name one */
#define WIRE_CHUNK_STACKS 2048u     /* stacks whose counters lie in one array; a power of two */
#define WIRE_TARGET_CHUNKS 64u      /* such arrays of a target, at the most */
#define WIRE_DEFAULT_STACKS 2048u   /* stacks of a target that there is room for to begin with */
#define WIRE_DEFAULT_WINDOW 131072u /* coroutines that may have events while a census runs */
#define WIRE_DEFAULT_WORKERS 512u   /* workers whose batches are read, over all targets */
#define WIRE_BATCH 256u             /* events in a batch, at the most */

/* Park durations: bucket b counts durations in [2^b, 2^(b+1)) ns, bucket 0 also
 * 0 ns and the last one everything longer (2^39 ns = 9.2 min). */
#define WIRE_PARK_BUCKETS 40u

/* One per target, written by userspace, read by the programs. The cookie of a
 * USDT probe is the index into this array. */
struct wire_target {
  wire_u32 mode;     /* WIRE_MODE_*: one word, so that what is in it begins at once */
  wire_u32 sample;   /* parks and unparks of one coroutine in so many count; 0, 1: of all */
  wire_u64 since_ns; /* of batches: what happened before is not counted */
  wire_u64 until_ns; /* of batches: what happened from then on is not noted in the window */
  wire_u64 reserved;
};

/* While none is set, probes are being attached and nothing is counted; but who handed over
 * how much is followed. */
#define WIRE_MODE_COUNTING 1u
#define WIRE_MODE_WINDOW 2u /* a census runs: events are also noted by coroutine */
#define WIRE_MODE_AGAIN 4u  /* it has counted before: what does not count now is a loss */

/* Whether the parks and unparks of a coroutine count: the same ones throughout its life,
 * and as good as drawn by lot. The multiplier is that of Knuth's multiplicative hash for
 * 64 bits, 2^64 divided by the golden ratio. */
static inline int wire_sampled(wire_u64 id, wire_u32 sample) {
  return sample <= 1 || (wire_u32)((id * 0x9e3779b97f4a7c15ull) >> 32) % sample == 0;
}

/* One per spawn stack, in arrays of WIRE_CHUNK_STACKS: that of stack `id` of a target is in array
 * target * WIRE_TARGET_CHUNKS + id / WIRE_CHUNK_STACKS. Nothing that follows from the others:
 * an addition costs 5 ns. Unparks are the sum of the buckets. */
struct wire_stack_counters {
  wire_u64 spawned;
  wire_u64 exited;
  wire_u64 parks;
  wire_u64 parked_ns; /* sum of the durations of ended parks */
  wire_u64 park_ns_log2[WIRE_PARK_BUCKETS];
};

/* One per parked stack, in other such arrays. */
struct wire_park_counters {
  wire_u64 parks;
  wire_u64 unparks;
  wire_u64 parked_ns; /* sum of the durations of ended parks */
  wire_u64 reserved;
};

/* One event as a target hands it over in a batch: struct coro_event of
 * runtime/include/coro/abi.h. */
enum wire_event_kind {
  WIRE_EVENT_SPAWN = 1,
  WIRE_EVENT_PARK = 2,
  WIRE_EVENT_UNPARK = 3,
  WIRE_EVENT_EXIT = 4,
  WIRE_EVENT_KINDS = 5,
};
struct wire_event {
  wire_u64 id;
  wire_u32 stack_id;
  wire_u32 sequence; /* tells the order of one coroutine's events */
  wire_u16 kind;     /* enum wire_event_kind */
  wire_u16 reason;
  wire_u32 parked_stack_id; /* of a park, and of the unpark that ends it; 0: not known */
  wire_u64 other;
  wire_u64 value;   /* of an unpark: for how long it was parked */
  wire_u64 time_ns; /* when it happened */
};

/* Which probe was passed: one that tells an event has the event's number. */
enum wire_probe {
  WIRE_PROBE_SPAWN = WIRE_EVENT_SPAWN,
  WIRE_PROBE_PARK = WIRE_EVENT_PARK,
  WIRE_PROBE_UNPARK = WIRE_EVENT_UNPARK,
  WIRE_PROBE_EXIT = WIRE_EVENT_EXIT,
  WIRE_PROBE_FLUSH = 5,
  WIRE_PROBE_PARKED_STACK = 6,
};
#define WIRE_ARGUMENTS 4u /* of a probe, at the most */

/* The cookie of a probe that shares a link and a program with others: the target from bit 0,
 * enum wire_probe from bit 8; then, 8 bits each, where its arguments are: the number of a word
 * in struct pt_regs. */
static inline wire_u64 wire_probe_cookie(wire_u32 target, enum wire_probe probe,
                                         const wire_u8 words[WIRE_ARGUMENTS]) {
  return (wire_u64)(target & 255) | (wire_u64)probe << 8 | (wire_u64)words[0] << 16 |
         (wire_u64)words[1] << 24 | (wire_u64)words[2] << 32 | (wire_u64)words[3] << 40;
}
static inline wire_u32 wire_cookie_target(wire_u64 cookie) {
  return (wire_u32)(cookie & 255);
}
static inline wire_u32 wire_cookie_probe(wire_u64 cookie) {
  return (wire_u32)(cookie >> 8 & 255);
}
static inline wire_u32 wire_cookie_word(wire_u64 cookie, wire_u32 argument) {
  return (wire_u32)(cookie >> (16 + 8 * argument) & 255);
}

struct wire_worker_key {
  wire_u64 number; /* of the worker, in its process */
  wire_u32 target;
  wire_u32 padding;
};

/* One worker's batches. Its own thread alone hands over, so nobody else writes here. All
 * are numbers of events; [done, next) is being counted, if they are not the same. */
struct wire_worker {
  wire_u64 next;  /* the first that was not handed over yet */
  wire_u64 done;  /* all before were handed over, and counted if they count */
  wire_u64 noted; /* all before were handed over before or while the window was open */
  wire_u64 begun; /* all before are older than the attach: they need not come. Written by
                     userspace, once */
  struct wire_event events[WIRE_BATCH]; /* room to work in, that nobody else uses meanwhile */
};

struct wire_window_key {
  wire_u64 id; /* of the coroutine */
  wire_u32 target;
  wire_u32 padding;
};

/* What happened to one coroutine since counting began, noted while a census runs. Sums
 * only, since two workers may hand over events of one coroutine at the same time. */
struct wire_window_entry {
  wire_u32 events[8]; /* index: enum wire_event_kind */
  wire_u64 order;     /* moments of its unparks minus those of its parks, which alternate: if
                         there are as many of both, below 0 if an unpark was the first. In
                         batches a moment is a sequence number, else a time */
  wire_u32 stack_id;  /* as the probe gave it, not clamped */
  wire_u32 padding;
};

/* Whatever could not be counted as it should, by cause; per target. */
enum wire_loss {
  WIRE_LOSS_STACK_UNMAPPED = 0, /* events whose stack id has no slot: counted in slot 0 */
  WIRE_LOSS_WINDOW_FULL = 1,    /* events that found no room in the window */
  WIRE_LOSS_ARGUMENT = 2,       /* probe arguments that could not be read: event not counted */
  WIRE_LOSS_TARGET = 3,         /* events with a cookie of no target: not counted */
  WIRE_LOSS_BATCH_UNREAD = 4,   /* events of batches that could not be read: not counted */
  WIRE_LOSS_BATCH_MISSED = 5,   /* events of batches that nobody handed to us: not counted */
  WIRE_LOSS_WORKER = 6,         /* events of workers that there was no room for: not counted */
  WIRE_LOSS_RESYNC = 7,         /* events while what was lost was made good: not counted */
  WIRE_LOSS_CAUSES = 8,
};

/* More are not believed at once: the numbers are the target's, and their sum must not come
 * round to 0. */
#define WIRE_MOST_LOST (1ull << 32)

struct wire_losses {
  wire_u64 by_cause[8]; /* index: enum wire_loss */
};

WIRE_ASSERT(sizeof(struct wire_target) == 32, "wire_target");
WIRE_ASSERT(sizeof(struct wire_stack_counters) == 32 + 8 * WIRE_PARK_BUCKETS,
            "wire_stack_counters");
WIRE_ASSERT(sizeof(struct wire_park_counters) == 32, "wire_park_counters");
WIRE_ASSERT(sizeof(struct wire_window_key) == 16, "wire_window_key");
WIRE_ASSERT(sizeof(struct wire_window_entry) == 48, "wire_window_entry");
WIRE_ASSERT(sizeof(struct wire_event) == 48, "wire_event");
WIRE_ASSERT(sizeof(struct wire_worker_key) == 16, "wire_worker_key");
WIRE_ASSERT(sizeof(struct wire_worker) == 32 + 48 * WIRE_BATCH, "wire_worker");
WIRE_ASSERT(sizeof(struct wire_losses) == 64, "wire_losses");
WIRE_ASSERT(WIRE_LOSS_CAUSES <= 8, "wire_losses has room for every cause");

#endif /* COROSCOPE_WIRE_H */
