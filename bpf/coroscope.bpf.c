// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The probes of provider `coro` (runtime/PROBES.md), counted by target and spawn stack. There are
 * two ways to attach to them. Where the kernel can (6.6), all probes of a target have one link to
 * one program, `on_coro_probe`; else each has a link and a program of its own, by libbpf's USDT. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#include "maps.bpf.h"

#include "counting.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A probe that was passed. */
struct passed {
  wire_u64 target;
  wire_u64 arguments[WIRE_ARGUMENTS];
};

static __always_inline void count_passed(enum wire_probe probe, const struct passed* passed) {
  const wire_u64* arguments = passed->arguments;
  switch (probe) {
    case WIRE_PROBE_SPAWN: /* spawn(id, parent_id, stack_id, entry) */
      count_one(passed->target, WIRE_EVENT_SPAWN, arguments[0], arguments[2], 0);
      break;
    case WIRE_PROBE_PARK: /* park(id, reason, object, stack_id) */
      count_one(passed->target, WIRE_EVENT_PARK, arguments[0], arguments[3], 0);
      break;
    case WIRE_PROBE_UNPARK: /* unpark(id, waker_id, parked_ns, stack_id) */
      count_one(passed->target, WIRE_EVENT_UNPARK, arguments[0], arguments[3], arguments[2]);
      break;
    case WIRE_PROBE_EXIT: /* exit(id, stack_id, lifetime_ns) */
      count_one(passed->target, WIRE_EVENT_EXIT, arguments[0], arguments[1], 0);
      break;
    case WIRE_PROBE_FLUSH: /* flush(events, count, worker, first) */
      count_batch(passed->target, arguments[0], arguments[1], arguments[2], arguments[3]);
      break;
    case WIRE_PROBE_PARKED_STACK: /* parked_stack(stack_id, frames, depth): that somebody is */
      break; /* attached asks for parked stacks; they are read from the target's memory */
  }
}

/* Those of the arguments that count_passed() uses, as a bit each. */
static __always_inline wire_u32 used_arguments(enum wire_probe probe) {
  switch (probe) {
    case WIRE_PROBE_SPAWN:
      return 1 << 0 | 1 << 2;
    case WIRE_PROBE_PARK:
      return 1 << 0 | 1 << 3;
    case WIRE_PROBE_UNPARK:
      return 1 << 0 | 1 << 2 | 1 << 3;
    case WIRE_PROBE_EXIT:
      return 1 << 0 | 1 << 1;
    case WIRE_PROBE_FLUSH:
      return 15;
    case WIRE_PROBE_PARKED_STACK:
      break;
  }
  return 0;
}

static __always_inline void count_unreadable(wire_u64 target) {
  count_loss(target < WIRE_MAX_TARGETS ? (wire_u32)target : WIRE_MAX_TARGETS, WIRE_LOSS_ARGUMENT);
}

/* The arguments are where libbpf found that they are. */
static __always_inline int count_usdt(struct pt_regs* ctx, enum wire_probe probe) {
  struct passed passed = {.target = (wire_u64)bpf_usdt_cookie(ctx)};
  wire_u32 i;
#pragma unroll
  for (i = 0; i < WIRE_ARGUMENTS; ++i) {
    if (!(used_arguments(probe) & 1u << i)) continue;
    if (bpf_usdt_arg(ctx, i, (long*)&passed.arguments[i])) {
      count_unreadable(passed.target);
      return 0;
    }
  }
  count_passed(probe, &passed);
  return 0;
}

SEC("usdt")
int on_coro_spawn(struct pt_regs* ctx) {
  return count_usdt(ctx, WIRE_PROBE_SPAWN);
}

SEC("usdt")
int on_coro_park(struct pt_regs* ctx) {
  return count_usdt(ctx, WIRE_PROBE_PARK);
}

SEC("usdt")
int on_coro_unpark(struct pt_regs* ctx) {
  return count_usdt(ctx, WIRE_PROBE_UNPARK);
}

SEC("usdt")
int on_coro_exit(struct pt_regs* ctx) {
  return count_usdt(ctx, WIRE_PROBE_EXIT);
}

SEC("usdt")
int on_coro_flush(struct pt_regs* ctx) {
  return count_usdt(ctx, WIRE_PROBE_FLUSH);
}

SEC("usdt")
int on_coro_parked_stack(struct pt_regs* ctx) {
  return count_usdt(ctx, WIRE_PROBE_PARKED_STACK);
}

/* The arguments are in the registers that the cookie names. */
static __always_inline int count_registers(struct pt_regs* ctx, wire_u64 cookie,
                                           enum wire_probe probe) {
  struct passed passed = {.target = wire_cookie_target(cookie)};
  wire_u32 i;
#pragma unroll
  for (i = 0; i < WIRE_ARGUMENTS; ++i) {
    wire_u64 offset = 8ull * wire_cookie_word(cookie, i);
    if (!(used_arguments(probe) & 1u << i)) continue;
    if (offset > sizeof *ctx - 8 ||
        bpf_probe_read_kernel(&passed.arguments[i], 8, (const void*)ctx + offset)) {
      count_unreadable(passed.target);
      return 0;
    }
  }
  count_passed(probe, &passed);
  return 0;
}

/* Loaded for links of BPF_TRACE_UPROBE_MULTI, which this libbpf has no section for. */
SEC("?kprobe")
int on_coro_probe(struct pt_regs* ctx) {
  wire_u64 cookie = bpf_get_attach_cookie(ctx);
  switch (wire_cookie_probe(cookie)) {
    case WIRE_PROBE_SPAWN:
      return count_registers(ctx, cookie, WIRE_PROBE_SPAWN);
    case WIRE_PROBE_PARK:
      return count_registers(ctx, cookie, WIRE_PROBE_PARK);
    case WIRE_PROBE_UNPARK:
      return count_registers(ctx, cookie, WIRE_PROBE_UNPARK);
    case WIRE_PROBE_EXIT:
      return count_registers(ctx, cookie, WIRE_PROBE_EXIT);
    case WIRE_PROBE_FLUSH:
      return count_registers(ctx, cookie, WIRE_PROBE_FLUSH);
    case WIRE_PROBE_PARKED_STACK:
      return count_registers(ctx, cookie, WIRE_PROBE_PARKED_STACK);
  }
  return 0;
}
