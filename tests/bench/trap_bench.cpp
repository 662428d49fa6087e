// SPDX-License-Identifier: Apache-2.0
// By the kernel's own calls, as libbpf makes them: one program and one probe need no more.
#include "trap_bench.h"

#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

extern "C" const char coro_bench_trap_site[];

namespace coro_bench {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

int load_empty_program() {
  bpf_insn instructions[2] = {};
  instructions[0].code = BPF_ALU64 | BPF_MOV | BPF_K;  // r0 = 0
  instructions[1].code = BPF_JMP | BPF_EXIT;
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_KPROBE;
  attributes.insn_cnt = 2;
  attributes.insns = reinterpret_cast<std::uint64_t>(instructions);
  attributes.license = reinterpret_cast<std::uint64_t>("GPL");
  const long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  if (fd < 0) fail("load a BPF program");
  return static_cast<int>(fd);
}

struct Place {
  std::string path;
  std::uint64_t offset = 0;
};

// Of an address in a file that is mapped.
Place place_of(std::uint64_t address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    std::uint64_t offset = 0;
    std::string rights;
    std::string device;
    std::string inode;
    Place place;
    char dash = 0;
    words >> std::hex >> low >> dash >> high >> rights >> offset >> device >> inode >> place.path;
    if (address < low || address >= high) continue;
    place.offset = address - low + offset;
    return place;
  }
  errno = ENOENT;
  fail("find the probe");
}

int attach(int program) {
  std::uint32_t type = 0;
  std::ifstream("/sys/bus/event_source/devices/uprobe/type") >> type;
  const Place place = place_of(reinterpret_cast<std::uint64_t>(coro_bench_trap_site));
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = type;
  attributes.config1 = reinterpret_cast<std::uint64_t>(place.path.c_str());
  attributes.config2 = place.offset;
  const long event = syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (event < 0) fail("open a uprobe");
  if (ioctl(static_cast<int>(event), PERF_EVENT_IOC_SET_BPF, program) != 0 ||
      ioctl(static_cast<int>(event), PERF_EVENT_IOC_ENABLE, 0) != 0) {
    const int code = errno;
    close(static_cast<int>(event));
    errno = code;
    fail("attach to a uprobe");
  }
  return static_cast<int>(event);
}

}  // namespace

Trap::Trap() : program_(load_empty_program()) {
  try {
    event_ = attach(program_);
  } catch (...) {
    close(program_);
    throw;
  }
}

Trap::~Trap() {
  close(event_);
  close(program_);
}

// A one-byte nop, as the runtime's probes have it.
[[gnu::noinline]] void Trap::pass() noexcept {
  asm volatile(
      ".globl coro_bench_trap_site\n"
      ".hidden coro_bench_trap_site\n"
      "coro_bench_trap_site: nop" ::
          : "memory");
}

}  // namespace coro_bench
