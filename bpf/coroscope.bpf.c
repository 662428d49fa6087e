// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The probes of provider `coro` (runtime/PROBES.md), counted by target and
 * spawn stack. The cookie of each attachment is the target's index. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#include "maps.bpf.h"

#include "counting.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Reads argument `index`; an unreadable one is a counted loss. */
static __always_inline int argument(struct pt_regs* ctx, wire_u64 cookie, int index,
                                    wire_u64* value) {
  long word = 0;
  if (bpf_usdt_arg(ctx, index, &word)) {
    count_loss(cookie < WIRE_MAX_TARGETS ? (wire_u32)cookie : WIRE_MAX_TARGETS, WIRE_LOSS_ARGUMENT);
    return 0;
  }
  *value = (wire_u64)word;
  return 1;
}

/* spawn(id, parent_id, stack_id, entry) */
SEC("usdt")
int on_coro_spawn(struct pt_regs* ctx) {
  wire_u64 cookie = (wire_u64)bpf_usdt_cookie(ctx), id = 0, stack_id = 0;
  if (argument(ctx, cookie, 0, &id) && argument(ctx, cookie, 2, &stack_id))
    count_one(cookie, WIRE_EVENT_SPAWN, id, stack_id, 0);
  return 0;
}

/* park(id, reason, object, stack_id) */
SEC("usdt")
int on_coro_park(struct pt_regs* ctx) {
  wire_u64 cookie = (wire_u64)bpf_usdt_cookie(ctx), id = 0, stack_id = 0;
  if (argument(ctx, cookie, 0, &id) && argument(ctx, cookie, 3, &stack_id))
    count_one(cookie, WIRE_EVENT_PARK, id, stack_id, 0);
  return 0;
}

/* unpark(id, waker_id, parked_ns, stack_id) */
SEC("usdt")
int on_coro_unpark(struct pt_regs* ctx) {
  wire_u64 cookie = (wire_u64)bpf_usdt_cookie(ctx), id = 0, parked_ns = 0, stack_id = 0;
  if (argument(ctx, cookie, 0, &id) && argument(ctx, cookie, 2, &parked_ns) &&
      argument(ctx, cookie, 3, &stack_id))
    count_one(cookie, WIRE_EVENT_UNPARK, id, stack_id, parked_ns);
  return 0;
}

/* exit(id, stack_id, lifetime_ns) */
SEC("usdt")
int on_coro_exit(struct pt_regs* ctx) {
  wire_u64 cookie = (wire_u64)bpf_usdt_cookie(ctx), id = 0, stack_id = 0;
  if (argument(ctx, cookie, 0, &id) && argument(ctx, cookie, 1, &stack_id))
    count_one(cookie, WIRE_EVENT_EXIT, id, stack_id, 0);
  return 0;
}

/* flush(events, count, worker, first) */
SEC("usdt")
int on_coro_flush(struct pt_regs* ctx) {
  wire_u64 cookie = (wire_u64)bpf_usdt_cookie(ctx), events = 0, count = 0, worker = 0, first = 0;
  if (argument(ctx, cookie, 0, &events) && argument(ctx, cookie, 1, &count) &&
      argument(ctx, cookie, 2, &worker) && argument(ctx, cookie, 3, &first))
    count_batch(cookie, events, count, worker, first);
  return 0;
}

/* parked_stack(stack_id, frames, depth): that somebody is attached is what asks for parked
 * stacks; what they are is read from the target's memory. */
SEC("usdt")
int on_coro_parked_stack(struct pt_regs* ctx) {
  return 0;
}
