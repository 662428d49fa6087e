// SPDX-License-Identifier: Apache-2.0
#include "bpf/uprobe_multi.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace coroscope {
namespace {

// Which the kernel headers of the build may not have yet.
constexpr auto attach_type_uprobe_multi = static_cast<bpf_attach_type>(48);

// What union bpf_attr is for BPF_LINK_CREATE of that type.
struct MultiLink {
  uint32_t program = 0;
  uint32_t target = 0;
  uint32_t attach_type = attach_type_uprobe_multi;
  uint32_t flags = 0;
  uint64_t path = 0;
  uint64_t offsets = 0;
  uint64_t semaphores = 0;
  uint64_t cookies = 0;
  uint32_t count = 0;
  uint32_t multi_flags = 0;
  uint32_t pid = 0;
  uint32_t padding = 0;
};
static_assert(sizeof(MultiLink) == 64);

uint64_t address_of(const void* what) {
  return reinterpret_cast<uint64_t>(what);
}

Fd create(const MultiLink& link) {
  return Fd(static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof link)));
}

// A program that does nothing: return 0.
Fd load_nothing() {
  const bpf_insn nothing[] = {{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
                              {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach_type_uprobe_multi);
  return Fd(
      bpf_prog_load(BPF_PROG_TYPE_KPROBE, "coroscope_none", "Dual BSD/GPL", nothing, 2, &options));
}

// The error that the kernel refuses an impossible file with, for a process.
int refusal(int program, uint32_t pid) {
  const uint64_t offset = 0;
  const Fd link = create({.program = static_cast<uint32_t>(program),
                          .path = address_of("/"),
                          .offsets = address_of(&offset),
                          .count = 1,
                          .pid = pid});
  return link ? 0 : errno;
}

}  // namespace

// As libbpf asks from 1.5 on: who knows such links looks at the file, and who sees all threads
// looks at the number of the process before.
bool uprobe_multi_works() {
  const Fd program = load_nothing();
  return program && refusal(program.get(), 0) == EBADF &&
         refusal(program.get(), UINT32_MAX) == EINVAL;
}

void load_as_uprobe_multi(bpf_program* program) {
  bpf_program__set_autoload(program, true);
  bpf_program__set_expected_attach_type(program, attach_type_uprobe_multi);
}

Fd link_uprobes(int program, const std::string& path, const std::vector<UprobePlace>& places,
                pid_t pid) {
  // Kernels of the summer of 2024 use memory that they have freed if there is no descriptor left.
  Fd spare(::dup(program));
  if (!spare) return {};
  spare.reset();
  std::vector<uint64_t> offsets, semaphores, cookies;
  for (const UprobePlace& place : places) {
    offsets.push_back(place.offset);
    semaphores.push_back(place.semaphore);
    cookies.push_back(place.cookie);
  }
  return create({.program = static_cast<uint32_t>(program),
                 .path = address_of(path.c_str()),
                 .offsets = address_of(offsets.data()),
                 .semaphores = address_of(semaphores.data()),
                 .cookies = address_of(cookies.data()),
                 .count = static_cast<uint32_t>(places.size()),
                 .pid = static_cast<uint32_t>(pid)});
}

}  // namespace coroscope
