/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The static storage behind struct coro_descriptor. Defined in C (descriptor.c)
 * because there an address may initialise an integer: everything is filled in
 * by the linker and the loader, before the first instruction runs.
 */
#ifndef CORO_SRC_DESCRIPTOR_H
#define CORO_SRC_DESCRIPTOR_H

#include "coro/abi.h"

#define CORO_SCHEDULERS 64u
/* Bytes from one worker to the next: the runtime's own Worker begins with its
 * published part, and ends with its ring of events. Whole pages. */
#define CORO_WORKER_STRIDE 36864u
#define CORO_EVENT_CAPACITY 512u
#define CORO_TABLE_SLABS 4096u
#define CORO_TABLE_SLAB_HEADERS 4096u
#define CORO_DEPOT_CHUNKS 64u
#define CORO_DEPOT_CHUNK_ENTRIES 1024u
#define CORO_DEPOT_MAX_DEPTH 64u

#define CORO_HIDDEN __attribute__((visibility("hidden")))

#ifdef __cplusplus
extern "C" {
#endif

extern struct coro_descriptor coro_descriptor CORO_HIDDEN;
extern struct coro_counters coro_counters CORO_HIDDEN;
extern struct coro_scheduler coro_schedulers[CORO_SCHEDULERS] CORO_HIDDEN;
extern uint64_t coro_table_directory[CORO_TABLE_SLABS] CORO_HIDDEN;
extern uint64_t coro_depot_directory[CORO_DEPOT_CHUNKS] CORO_HIDDEN;

#ifdef __cplusplus
}
#endif

#endif /* CORO_SRC_DESCRIPTOR_H */
