/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptor and the note that leads to it. They share an object file, and
 * the table needs the descriptor, so whoever links the runtime has the note.
 */
#include "descriptor.h"

#include "context.h"

struct coro_counters coro_counters;
struct coro_scheduler coro_schedulers[CORO_SCHEDULERS];
uint64_t coro_table_directory[CORO_TABLE_SLABS];
uint64_t coro_depot_directory[CORO_DEPOT_CHUNKS];

__attribute__((used)) struct coro_descriptor coro_descriptor = {
    .magic = CORO_ABI_MAGIC,
    .major = CORO_ABI_MAJOR,
    .minor = CORO_ABI_MINOR,
    .size = sizeof(struct coro_descriptor),
    .table_directory = (uint64_t)coro_table_directory,
    .table_directory_capacity = CORO_TABLE_SLABS,
    .table_slab_headers = CORO_TABLE_SLAB_HEADERS,
    .table_header_size = sizeof(struct coro_header),
    .depot_directory = (uint64_t)coro_depot_directory,
    .depot_directory_capacity = CORO_DEPOT_CHUNKS,
    .depot_chunk_entries = CORO_DEPOT_CHUNK_ENTRIES,
    .depot_entry_size = sizeof(struct coro_stack_entry),
    .depot_max_depth = CORO_DEPOT_MAX_DEPTH,
    .context_size = CORO_CONTEXT_SIZE,
    .resume_pc = (uint64_t)coro_resume_pc,
    .context_fp_offset = CORO_CONTEXT_FP,
    .context_pc_offset = CORO_CONTEXT_PC,
    .counters = (uint64_t)&coro_counters,
    .schedulers = (uint64_t)coro_schedulers,
    .scheduler_capacity = CORO_SCHEDULERS,
    .scheduler_size = sizeof(struct coro_scheduler),
    .worker_size = CORO_WORKER_STRIDE,
    .object_size = sizeof(struct coro_object),
    .event_size = sizeof(struct coro_event),
    .event_capacity = CORO_EVENT_CAPACITY,
};

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

/* ld keeps SHT_NOTE sections with --gc-sections, and with the note what it
 * refers to. Four-byte alignment, as all other notes, so that they share one
 * PT_NOTE segment. */
__asm__(
    ".pushsection .note.coro,\"a\",%note\n"
    ".balign 4\n"
    ".4byte 992f-991f, 994f-993f, 1\n"
    "991: .asciz \"" CORO_NOTE_OWNER
    "\"\n"
    "992: .balign 4\n"
    "993: .4byte " TEXT(CORO_NOTE_MAJOR) ", " TEXT(CORO_NOTE_MINOR) "\n"
    "995: .8byte coro_descriptor - 995b\n"
    "994: .balign 4\n"
    ".popsection\n");

CORO_ABI_ASSERT(CORO_NOTE_MAJOR == CORO_ABI_MAJOR && CORO_NOTE_MINOR == CORO_ABI_MINOR,
                "the note says the version of abi.h");
CORO_ABI_ASSERT(CORO_NOTE_DESCRIPTOR == 1u, "the note's type is written out above");
