// SPDX-License-Identifier: Apache-2.0
// corrupt_table: a process that looks like one with the runtime, but publishes
// nonsense. It links no runtime: note, descriptor, table, depot and probes are
// its own.
//
//   corrupt_table MODE
//
//   valid                   nothing is wrong: three parked coroutines
//   version                 a major version that nobody knows
//   magic                   the note leads to something that is no descriptor
//   huge_counts             more slabs, headers and stacks than memory
//   bad_slab_address        slabs at unmapped and at kernel addresses
//   header_size_zero        headers without a size
//   depot_cycle_or_garbage  stacks that refer to themselves, to nothing, and are
//                           four billion frames deep
//   odd_sequence            headers that a writer never leaves
//
// Prints `ready` and waits to be killed.
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string_view>

#include "coro/abi.h"

#define _SDT_HAS_SEMAPHORES 1
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>

extern "C" {
#define SEMAPHORE __attribute__((section(".probes"), used, visibility("hidden")))
volatile unsigned short coro_spawn_semaphore SEMAPHORE = 0;
volatile unsigned short coro_park_semaphore SEMAPHORE = 0;
volatile unsigned short coro_unpark_semaphore SEMAPHORE = 0;
volatile unsigned short coro_exit_semaphore SEMAPHORE = 0;
__attribute__((used, visibility("hidden"))) coro_descriptor corrupt_descriptor;
}

asm(".pushsection .note.coro,\"a\",%note\n"
    ".balign 4\n"
    ".4byte 5, 16, 1\n"
    ".asciz \"coro\"\n"
    ".balign 4\n"
    ".4byte 1, 0\n"
    "1: .8byte corrupt_descriptor - 1b\n"
    ".popsection\n");

namespace {

constexpr std::uint32_t headers = 16;
coro_header slab[headers];
std::uint64_t table_directory[4];
std::uint64_t frames[2];
coro_stack_entry chunk[16];
std::uint64_t depot_directory[4];
coro_counters counters;

template <class T>
std::uint64_t address(const T* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

__attribute__((noinline)) void fire_probes(std::uint64_t id, std::uint64_t stack) {
  const std::uint64_t zero = id - id;
  STAP_PROBE4(coro, spawn, id, zero, stack, zero);
  STAP_PROBE4(coro, park, id, zero, zero, stack);
  STAP_PROBE4(coro, unpark, id, zero, zero, stack);
  STAP_PROBE3(coro, exit, id, stack, zero);
}

void publish_valid() {
  frames[0] = address(reinterpret_cast<const char*>(&fire_probes)) + 1;
  chunk[0] = {.frames = address(frames), .depth = 1, .flags = 0};
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::uint64_t now_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
                               static_cast<std::uint64_t>(now.tv_nsec);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    coro_header& header = slab[id - 1];
    header.sequence = 2;
    header.state = CORO_STATE_PARKED;
    header.id = id;
    header.spawn_stack_id = 1;
    header.reason = CORO_REASON_CHAN_SEND;
    header.kind = CORO_KIND_FIBER;
    header.since_ns = header.spawned_ns = now_ns;
  }
  table_directory[0] = address(slab);
  depot_directory[0] = address(chunk);
  coro_descriptor& d = corrupt_descriptor;
  d.magic = CORO_ABI_MAGIC;
  d.major = CORO_ABI_MAJOR;
  d.minor = CORO_ABI_MINOR;
  d.size = sizeof d;
  d.workers = 1;
  d.table_directory = address(table_directory);
  d.table_directory_capacity = 4;
  d.table_slab_headers = headers;
  d.table_header_size = sizeof(coro_header);
  d.table_slabs = 1;
  d.depot_directory = address(depot_directory);
  d.depot_directory_capacity = 4;
  d.depot_chunk_entries = 16;
  d.depot_entry_size = sizeof(coro_stack_entry);
  d.depot_entries = 1;
  d.depot_max_depth = 64;
  d.context_size = 64;
  d.context_fp_offset = 48;
  d.context_pc_offset = 56;
  d.counters = address(&counters);
}

void spoil_depot() {
  // Frames that are the entries, frames nowhere, and ids without an entry.
  chunk[0] = {.frames = address(chunk), .depth = 0xffffffffu, .flags = 0xffffffffu};
  chunk[1] = {.frames = 0x10, .depth = 64, .flags = 0};
  depot_directory[1] = address(depot_directory);
  corrupt_descriptor.depot_entries = 40;
  slab[1].spawn_stack_id = 2;
  slab[2].spawn_stack_id = 0xffffffffu;
}

bool spoil(std::string_view mode) {
  constexpr std::uint32_t huge = 0xffffffffu;
  coro_descriptor& d = corrupt_descriptor;
  if (mode == "valid") return true;
  if (mode == "version") {
    d.major = 99;
  } else if (mode == "magic") {
    d.magic = 0x5858585858585858u;
  } else if (mode == "huge_counts") {
    d.table_directory_capacity = d.table_slab_headers = d.table_slabs = huge;
    d.depot_directory_capacity = d.depot_chunk_entries = d.depot_entries = huge;
    d.depot_max_depth = huge;
  } else if (mode == "bad_slab_address") {
    table_directory[1] = 0x10;
    table_directory[2] = 0xffffffff81000000u;
    table_directory[3] = ~std::uint64_t{0};
    d.table_slabs = 4;
  } else if (mode == "header_size_zero") {
    d.table_header_size = 0;
  } else if (mode == "depot_cycle_or_garbage") {
    spoil_depot();
  } else if (mode == "odd_sequence") {
    for (coro_header& header : slab) header.sequence = 3;
  } else {
    return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  publish_valid();
  if (argc != 2 || !spoil(argv[1])) {
    std::fputs(
        "usage: corrupt_table valid|version|magic|huge_counts|bad_slab_address|header_size_zero|"
        "depot_cycle_or_garbage|odd_sequence\n",
        stderr);
    return 2;
  }
  if (argc < 0) fire_probes(1, 1);  // the sites have to be somewhere
  std::puts("ready");
  std::fflush(stdout);
  for (;;) pause();
}
