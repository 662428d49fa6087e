// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* For `coroscope doctor`: attached to a probe of coroscope itself, to see
 * whether this host really delivers events. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

#include "wire.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} received SEC(".maps");

static __always_inline void add(__u64 value) {
  __u32 first = 0;
  __u64* sum = bpf_map_lookup_elem(&received, &first);
  if (sum) __sync_fetch_and_add(sum, value);
}

SEC("usdt")
int on_self_test(struct pt_regs* ctx) {
  long value = 0;
  if (!bpf_usdt_arg(ctx, 0, &value)) add((__u64)value);
  return 0;
}

/* The other way to attach: see coroscope.bpf.c. */
SEC("?kprobe")
int on_self_test_shared(struct pt_regs* ctx) {
  __u64 offset = 8ull * wire_cookie_word(bpf_get_attach_cookie(ctx), 0), value = 0;
  if (offset <= sizeof *ctx - 8 &&
      !bpf_probe_read_kernel(&value, sizeof value, (const void*)ctx + offset)) {
    add(value);
  }
  return 0;
}
