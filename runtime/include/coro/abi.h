/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process that runs coroutines publishes for an observer outside of it.
 *
 * This header is the whole contract between the runtime (which writes) and an
 * observer (which reads another process's memory). It is plain C, names no
 * function and needs no library. runtime/PROBES.md says the same in prose.
 *
 * All integers are in the target's own byte order; addresses are virtual
 * addresses in the target. Times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef CORO_ABI_H
#define CORO_ABI_H

#include <stdint.h>

#ifdef __cplusplus
#define CORO_ABI_ASSERT(condition, text) static_assert(condition, text)
#else
#define CORO_ABI_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* A reader accepts any minor version of a major version that it knows: a minor
 * version only adds fields at the end of a structure and new enumerators. */
#define CORO_ABI_MAJOR 1u
#define CORO_ABI_MINOR 5u

/* "coro-abi" as bytes in memory (little-endian). */
#define CORO_ABI_MAGIC 0x6962612d6f726f63ull

/* The ELF note that leads to the descriptor: owner "coro", type 1, allocated,
 * so that it is in the process's memory and survives strip. */
#define CORO_NOTE_OWNER "coro"
#define CORO_NOTE_DESCRIPTOR 1u

struct coro_note {
  uint32_t major;
  uint32_t minor;
  /* Address of struct coro_descriptor minus the address of this field:
   * position independent, so the note needs no relocation. */
  int64_t descriptor_offset;
};

/* Where a coroutine is in its life.
 *
 * The *_ING states mark a probe that may or may not have fired yet. They are
 * left again within the run of one runtime function, so a reader that meets one
 * reads again. Outside of them, a probe has fired if and only if its
 * semaphore was up: that is what lets an observer that attaches late add a
 * census to a stream of events and count nothing twice. */
enum coro_state {
  CORO_STATE_FREE = 0,      /* the slot holds no coroutine */
  CORO_STATE_SPAWNING = 1,  /* published; `spawn` may not have fired yet */
  CORO_STATE_RUNNABLE = 2,  /* in a run queue */
  CORO_STATE_RUNNING = 3,   /* on a worker */
  CORO_STATE_PARKING = 4,   /* going to wait; `park` may not have fired yet */
  CORO_STATE_PARKED = 5,    /* waiting; saved_sp is valid */
  CORO_STATE_UNPARKING = 6, /* woken; `unpark` may not have fired yet */
  CORO_STATE_SYSCALL = 7,   /* in coro::blocking, its worker handed off; saved_sp is
                               valid: the frames from there on do not change */
  CORO_STATE_EXITING = 8,   /* ended; `exit` may not have fired yet */
};

/* Why a coroutine waits. The names are Go's, see PROBES.md; the last has no
 * counterpart there. X(enumerator, number, name) */
#define CORO_REASONS(X)                                         \
  X(CORO_REASON_CHAN_RECEIVE, 1, "chan receive")                \
  X(CORO_REASON_CHAN_SEND, 2, "chan send")                      \
  X(CORO_REASON_CHAN_RECEIVE_NIL, 3, "chan receive (nil chan)") \
  X(CORO_REASON_CHAN_SEND_NIL, 4, "chan send (nil chan)")       \
  X(CORO_REASON_SELECT, 5, "select")                            \
  X(CORO_REASON_SELECT_NO_CASES, 6, "select (no cases)")        \
  X(CORO_REASON_SLEEP, 7, "sleep")                              \
  X(CORO_REASON_IO_WAIT, 8, "IO wait")                          \
  X(CORO_REASON_MUTEX_LOCK, 9, "sync.Mutex.Lock")               \
  X(CORO_REASON_RWMUTEX_RLOCK, 10, "sync.RWMutex.RLock")        \
  X(CORO_REASON_RWMUTEX_LOCK, 11, "sync.RWMutex.Lock")          \
  X(CORO_REASON_COND_WAIT, 12, "sync.Cond.Wait")                \
  X(CORO_REASON_WAIT_GROUP_WAIT, 13, "sync.WaitGroup.Wait")     \
  X(CORO_REASON_SEMACQUIRE, 14, "semacquire")                   \
  X(CORO_REASON_JOIN, 15, "coroutine join")

#define CORO_REASON_ENUMERATOR(enumerator, number, name) enumerator = (number),
enum coro_reason { CORO_REASON_NONE = 0, CORO_REASONS(CORO_REASON_ENUMERATOR) };
#undef CORO_REASON_ENUMERATOR

enum coro_kind {
  CORO_KIND_FIBER = 1, /* has a stack of its own */
  CORO_KIND_TASK = 2,  /* a C++20 coroutine: a chain of frames, see coro_await */
};

/* flags of a coroutine header */
#define CORO_FLAG_SYSTEM 1u /* belongs to the runtime itself, not to the program */

/* One coroutine. Headers lie in slabs, are never moved and never unmapped.
 *
 * `sequence` is a seqlock: odd while a writer is inside. A reader reads it,
 * copies the header (and the stack, if it wants it), reads it again and keeps
 * the copy only if both were equal and even. `sequence` also moves each time
 * the state does, so equal means "nothing happened in between". */
struct coro_header {
  uint32_t sequence;
  uint32_t state;          /* enum coro_state */
  uint64_t id;             /* unique in the life of the process; 0 in a free slot */
  uint64_t parent_id;      /* 0: spawned from outside of any coroutine */
  uint32_t spawn_stack_id; /* into the depot; 0: not known */
  uint32_t reason;         /* enum coro_reason; of the last wait unless parked */
  uint64_t object;         /* address waited on, 0 if none */
  uint64_t since_ns;       /* start of the last wait. Exact while the semaphore of park or
                              flush is up, else up to one kernel tick
                              (10 ms at most) too early */
  uint64_t spawned_ns;     /* same accuracy, with spawn or flush */
  uint64_t saved_sp;       /* while parked, runnable or in a syscall: stack pointer
                              of the saved context, see coro_descriptor.resume_pc.
                              Of a task: address of its innermost coro_await */

  /* Written once in the life of a coroutine. */
  uint64_t stack_low;  /* lowest usable address of its stack; a task has none: 0 */
  uint64_t stack_high; /* one past the highest */
  uint64_t entry;      /* address of the function that it runs */
  uint32_t kind;       /* enum coro_kind */
  uint32_t flags;      /* CORO_FLAG_* */
  uint64_t annotation; /* address of struct coro_annotation; 0: no name, no labels */

  /* Since minor version 3; before, 0. */
  uint64_t deadline_ns;       /* when the wait ends by itself, if ... */
  uint32_t deadline_sequence; /* ... this is `sequence`; else it does not */
  /* Since minor version 5. */
  uint32_t parked_stack_id; /* of its last wait, into the depot; 0: nobody asked, or not known */
  uint64_t told_ns;         /* time of the last of its events that was written to a ring; 0: none */
};

/* What the program calls a coroutine. Of constant contents, and there as long as
 * the header's sequence shows that the coroutine is the same and did not change
 * its annotation. Followed by `size` bytes: the name (which may be empty), then
 * the key and value of each label, each ended by a NUL. */
struct coro_annotation {
  uint32_t size;   /* at most CORO_ANNOTATION_MAX */
  uint32_t labels; /* key and value are two texts but one label */
};
#define CORO_ANNOTATION_MAX 4096u

/* One co_await that has not returned: a link in the chain of a task's frames,
 * innermost first. Lies in the coroutine frame that awaits; valid while
 * saved_sp is. */
struct coro_await {
  uint64_t location; /* address of struct coro_location; 0: not known */
  uint64_t caller;   /* address of the coro_await of the frame that awaits this one; 0: none */
};

/* A place in the program's source; static data of the program. */
struct coro_location {
  uint64_t file;     /* address of a NUL-terminated text */
  uint64_t function; /* the same; the function's signature */
  uint32_t line;     /* from 1 */
  uint32_t column;   /* from 1; 0: not known */
};

/* What a coroutine that is parked with reason `select` waits for: the header's
 * `object` is the address of one, on its stack or in its frame, guarded as
 * those are. */
struct coro_select {
  uint32_t magic;       /* CORO_SELECT_MAGIC */
  uint32_t count;       /* cases */
  uint64_t cases;       /* address of the first */
  uint64_t stride;      /* bytes from one case to the next */
  uint64_t deadline_ns; /* 0: none */
};
#define CORO_SELECT_MAGIC 0x736c6331u

enum coro_select_kind {
  CORO_SELECT_SEND = 1,
  CORO_SELECT_RECEIVE = 2,
  CORO_SELECT_DONE = 3, /* a context's end */
};

struct coro_select_case {
  uint64_t object; /* struct coro_object; 0: a nil channel, never ready */
  uint32_t kind;   /* enum coro_select_kind */
  uint32_t reserved;
};

/* One interned stack: of a spawn, or of a wait. Written before coro_descriptor.depot_entries counts
 * it, and never again. */
struct coro_stack_entry {
  uint64_t frames; /* address of `depth` return addresses, innermost first */
  uint32_t depth;
  uint32_t flags; /* CORO_STACK_* */
};
#define CORO_STACK_TRUNCATED 1u /* deeper than depot_max_depth */
#define CORO_STACK_CUT 2u       /* a fiber's, not walked to where the fiber begins */

/* What the runtime itself counted. Read each field on its own: the block is not
 * a snapshot. */
struct coro_counters {
  uint64_t stacks_lost; /* spawns whose stack did not fit the depot (id 0) */
  /* Since minor version 5. */
  uint64_t parked_stacks_lost; /* the same, of waits whose stack somebody had asked for */
  uint64_t reserved[6];
};

/* Where everything is. One per copy of the runtime in a process, initialised
 * statically, so it is valid from the first instruction on. Slabs and chunks
 * are reached through directories: arrays of addresses whose first `*_slabs`,
 * or as many as hold `depot_entries`, elements are set. */
struct coro_descriptor {
  uint64_t magic;
  uint32_t major;
  uint32_t minor;
  uint32_t size;    /* of this structure, in bytes */
  uint32_t workers; /* of all schedulers now running */

  uint64_t table_directory; /* uint64_t[table_directory_capacity] */
  uint32_t table_directory_capacity;
  uint32_t table_slab_headers; /* headers in a slab */
  uint32_t table_header_size;  /* bytes from one header to the next */
  uint32_t table_slabs;        /* slabs in use (store-release) */

  uint64_t depot_directory; /* uint64_t[depot_directory_capacity] */
  uint32_t depot_directory_capacity;
  uint32_t depot_chunk_entries; /* entries in a chunk */
  uint32_t depot_entry_size;    /* bytes from one entry to the next */
  uint32_t depot_entries;       /* entries in use (store-release); the
                                   stack with id N is entry N - 1 */
  uint32_t depot_max_depth;
  uint32_t context_size; /* bytes from saved_sp to the caller's frame */

  /* A parked fiber continues at resume_pc with its stack pointer at saved_sp.
   * The call frame information at resume_pc describes that frame, so unwinding
   * needs no other register. The offsets are for readers without CFI. */
  uint64_t resume_pc;
  uint32_t context_fp_offset; /* saved_sp + this: caller's frame pointer */
  uint32_t context_pc_offset; /* saved_sp + this: return address */

  uint64_t counters; /* struct coro_counters */

  /* Since minor version 1. */
  uint64_t schedulers; /* struct coro_scheduler[scheduler_capacity] */
  uint32_t scheduler_capacity;
  uint32_t scheduler_size;  /* bytes from one to the next */
  uint32_t worker_size;     /* bytes from one struct coro_worker to the next */
  uint32_t object_size;     /* of struct coro_object */
  uint64_t schedulers_lost; /* running, but without a place in `schedulers` */

  /* Since minor version 4. */
  uint32_t event_size;     /* bytes from one struct coro_event to the next */
  uint32_t event_capacity; /* events that a worker's ring holds; a power of two */
};

/* One scheduler's figures, to be read each on its own; a slot is in use while
 * `id` is not 0. Figures outlive their scheduler until the slot is used again. */
struct coro_scheduler {
  uint64_t id;      /* unique in the life of the process; 0: free */
  uint64_t workers; /* struct coro_worker[worker_count], never unmapped */
  uint32_t worker_count;
  uint32_t idle;          /* workers without work */
  uint32_t spinning;      /* workers looking for work */
  uint32_t threads;       /* that run coroutines or wait to, those in blocking calls included */
  uint64_t global_length; /* coroutines in the global queue */
  uint64_t timers;        /* timers that are armed */
  uint64_t blocking;      /* coroutines in coro::blocking */

  /* Since minor version 2; before, 0. */
  uint64_t spawned; /* coroutines that were started by none of its workers; see coro_worker */
  uint64_t reserved[8];
};

/* One worker's figures. Its local queue holds queue_tail - queue_head coroutines
 * (modulo 2^32); the first two lines are on cache lines of their own. */
struct coro_worker {
  uint32_t queue_head;
  uint32_t reserved_head[15];
  uint32_t queue_tail;
  uint32_t reserved_tail[15];
  uint64_t running;    /* id of the coroutine that it runs; 0: none. A hint */
  uint64_t dispatches; /* coroutines that it continued */
  uint64_t steals;     /* times that it took coroutines from another worker */
  uint64_t stolen;     /* coroutines that it took so */
  uint64_t handoffs;   /* times that it went to another thread because of coro::blocking */
  uint64_t sleeps;     /* times that it ran out of work */

  /* Since minor version 2; before, 0. */
  uint64_t spawned; /* coroutines that it started */
  uint64_t exited;  /* coroutines that ended on it; the last ones of a scheduler may end on none */

  /* Since minor version 4. The worker's ring of events, written while the semaphore of
   * `flush` is up: event N is element N modulo coro_descriptor.event_capacity. Those from
   * events_flushed on were not handed over yet; those that were stay until they are
   * overwritten. */
  uint64_t number;         /* unique in the life of the process, not 0; `worker` of `flush` */
  uint64_t events;         /* struct coro_event[event_capacity] */
  uint64_t events_written; /* ever (store-release) */
  uint64_t events_flushed; /* ever */
  uint64_t reserved[4];
};

/* What one of the probes spawn, park, unpark and exit would have told, as `flush` hands
 * it over. Since minor version 4. */
enum coro_event_kind {
  CORO_EVENT_SPAWN = 1,
  CORO_EVENT_PARK = 2,
  CORO_EVENT_UNPARK = 3,
  CORO_EVENT_EXIT = 4,
};
struct coro_event {
  uint64_t id;
  uint32_t stack_id; /* of where it was spawned */
  uint32_t sequence; /* of its header, then: tells the order of one coroutine's events,
                        which may be in the rings of several workers */
  uint16_t kind;     /* enum coro_event_kind */
  uint16_t reason;   /* of a park: enum coro_reason */
  /* Since minor version 5; before, 0. Of a park and of the unpark that ends it: as in the header.
   */
  uint32_t parked_stack_id;
  uint64_t other; /* spawn: parent_id; park: object; unpark: waker_id; exit: 0 */
  uint64_t value; /* spawn: entry; park: since_ns; unpark: parked_ns; exit: lifetime_ns */

  /* Since minor version 5. When it happened, not before the event of the same coroutine
   * that came before it. */
  uint64_t time_ns;
};

/* Every object that one can wait on begins with this block. Its counts are
 * written under the object's own lock: read alone they are a hint, not proof. */
enum coro_object_kind {
  CORO_OBJECT_CHANNEL = 1,
  CORO_OBJECT_WAIT_GROUP = 2,
  CORO_OBJECT_MUTEX = 3,
  CORO_OBJECT_RW_MUTEX = 4,
  CORO_OBJECT_CONDITION = 5,
  CORO_OBJECT_SEMAPHORE = 6,
  CORO_OBJECT_ONCE = 7,
  CORO_OBJECT_CONTEXT = 8,
  CORO_OBJECT_JOIN = 9, /* the end of a coroutine, or of a group of them */
};

struct coro_object {
  uint32_t magic; /* CORO_OBJECT_MAGIC */
  uint32_t kind;  /* enum coro_object_kind */
  union {
    uint64_t capacity; /* channel: elements it can buffer; semaphore: units in all, 0: no bound */
    uint64_t readers;  /* rw mutex, since minor version 3: ids of the readers inside, by
                          exclusive or, so that of one reader it is the id */
    uint64_t taken_at; /* mutex, and rw mutex while a writer is inside, since minor version 4:
                          return address of the call that locked it; 0: not known */
  };
  uint64_t length; /* channel: elements buffered; wait group: counter; semaphore: units that
                      are free; rw mutex: readers inside; mutex: 1 while locked */
  uint32_t closed; /* channel: 1 once closed; context: 1 once done; join: 1 once ended;
                      once: 1 once run */
  uint32_t waiting_senders;   /* rw mutex: writers that wait */
  uint32_t waiting_receivers; /* wait group, mutex, condition, semaphore, once, join:
                                 coroutines that wait; rw mutex: readers that wait;
                                 context: coroutines that wait for its end */
  uint32_t handles;           /* channel, since minor version 3: handles of it; before, 0 */
  /* Since minor version 1; there only if coro_descriptor.object_size says so. */
  union {
    uint64_t holder;      /* mutex, rw mutex (its writer), once: id of the coroutine inside;
                             join: id of the coroutine waited for; semaphore, since minor version
                             3: id of the one that took units last; 0: none, or not known */
    uint64_t deadline_ns; /* since minor version 3. Context: when it ends by itself; channel
                             of a timer: when that sends next. 0: never */
  };
};
#define CORO_OBJECT_MAGIC 0x6f626a31u

CORO_ABI_ASSERT(sizeof(struct coro_note) == 16, "coro_note is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_header) == 128, "coro_header is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_stack_entry) == 16, "coro_stack_entry is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_counters) == 64, "coro_counters is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_annotation) == 8, "coro_annotation is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_await) == 16, "coro_await is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_location) == 24, "coro_location is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_select) == 32, "coro_select is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_select_case) == 16, "coro_select_case is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_scheduler) == 128, "coro_scheduler is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_worker) == 256, "coro_worker is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_event) == 48, "coro_event is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_descriptor) == 144, "coro_descriptor is ABI");
CORO_ABI_ASSERT(sizeof(struct coro_object) == 48, "coro_object is ABI");

#endif /* CORO_ABI_H */
