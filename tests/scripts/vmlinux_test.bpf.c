// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
// Names what vmlinux.h has to give; vmlinux_test compiles it for every arch.
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} counts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(max_entries, 4);
  __type(key, u64);
  __type(value, u64);
} seen SEC(".maps");

SEC("usdt")
int BPF_USDT(on_probe, u64 id, u64 value) {
  __u32 slot = 0;
  __u64* count = bpf_map_lookup_elem(&counts, &slot);
  bool first = bpf_map_update_elem(&seen, &id, &value, BPF_NOEXIST) == 0;
  if (count && first) __sync_fetch_and_add(count, PT_REGS_IP(ctx));
  return 0;
}
