/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Every map, with its bound. Arrays are mapped into userspace's memory, so
 * that reading them costs no system call. */
#ifndef COROSCOPE_MAPS_BPF_H
#define COROSCOPE_MAPS_BPF_H

#include "wire.h"

/* 32 B x 64. Written by userspace only. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, WIRE_MAX_TARGETS);
  __type(key, wire_u32);
  __type(value, struct wire_target);
} targets SEC(".maps");

/* Each target has arrays of its own, which userspace puts here: more of them when the target
 * has more stacks. All of one size, so that the kernel compiles the look-up in (an array of maps
 * with arrays of several sizes takes a call). */
struct stack_array {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, WIRE_CHUNK_STACKS);
  __uint(key_size, sizeof(wire_u32));
  __uint(value_size, sizeof(struct wire_stack_counters));
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, WIRE_MAX_TARGETS* WIRE_TARGET_CHUNKS);
  __type(key, wire_u32);
  __array(values, struct stack_array);
} stack_counters SEC(".maps");

/* The same by parked stack; of targets of which somebody asked for that. */
struct park_array {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, WIRE_CHUNK_STACKS);
  __uint(key_size, sizeof(wire_u32));
  __uint(value_size, sizeof(struct wire_park_counters));
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, WIRE_MAX_TARGETS* WIRE_TARGET_CHUNKS);
  __type(key, wire_u32);
  __array(values, struct park_array);
} park_counters SEC(".maps");

/* About 120 B a coroutine. Preallocated: kernels before 6.1 warn about tracing
 * programs that allocate at run time. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, WIRE_DEFAULT_WINDOW);
  __type(key, struct wire_window_key);
  __type(value, struct wire_window_entry);
} windows SEC(".maps");

/* About 12 KiB a worker. Preallocated, as above. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, WIRE_DEFAULT_WORKERS);
  __type(key, struct wire_worker_key);
  __type(value, struct wire_worker);
} workers SEC(".maps");

/* A worker that has just come; all 0. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, wire_u32);
  __type(value, struct wire_worker);
} fresh_worker SEC(".maps");

/* One more than there are targets: the last takes what belongs to none. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, WIRE_MAX_TARGETS + 1);
  __type(key, wire_u32);
  __type(value, struct wire_losses);
} losses SEC(".maps");

#endif /* COROSCOPE_MAPS_BPF_H */
