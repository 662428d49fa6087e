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
//   aliased_odd             the same, a quarter of a million times: slabs that
//                           are one and the same 2 MiB of memory
//   aliased_ids             eight million coroutines in the same 2 MiB: each id
//                           512 times
//   duplicate_ids           sixteen coroutines with one id
//
// These are `valid` until they read a line from stdin; then they change, and
// print `changed`:
//
//   goes_odd                every header becomes odd, for ever
//   new_stack               three coroutines of a second spawn stack appear, and
//                           no probe fires
//   executes                becomes another program, one without coroutines: this
//                           one as `corrupt_table silent`
//   main_thread_ends        its main thread ends, another one goes on
//
// Prints `ready` and waits to be killed.
#include <pthread.h>
#include <sys/mman.h>
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
constexpr std::uint32_t most_slabs = 512;
std::uint64_t table_directory[most_slabs];
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

coro_header parked(std::uint64_t id, std::uint32_t stack) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  coro_header header{};
  header.sequence = 2;
  header.state = CORO_STATE_PARKED;
  header.id = id;
  header.spawn_stack_id = stack;
  header.reason = CORO_REASON_CHAN_SEND;
  header.kind = CORO_KIND_FIBER;
  header.since_ns = header.spawned_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
                                        static_cast<std::uint64_t>(now.tv_nsec);
  return header;
}

void publish_valid() {
  frames[0] = address(reinterpret_cast<const char*>(&fire_probes)) + 1;
  chunk[0] = {.frames = address(frames), .depth = 1, .flags = 0};
  for (std::uint64_t id = 1; id <= 3; ++id) slab[id - 1] = parked(id, 1);
  table_directory[0] = address(slab);
  depot_directory[0] = address(chunk);
  coro_descriptor& d = corrupt_descriptor;
  d.magic = CORO_ABI_MAGIC;
  d.major = CORO_ABI_MAJOR;
  d.minor = CORO_ABI_MINOR;
  d.size = sizeof d;
  d.workers = 1;
  d.table_directory = address(table_directory);
  d.table_directory_capacity = most_slabs;
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

void spoil_counts() {
  constexpr std::uint32_t huge = 0xffffffffu;
  coro_descriptor& d = corrupt_descriptor;
  d.table_directory_capacity = d.table_slab_headers = d.table_slabs = huge;
  d.depot_directory_capacity = d.depot_chunk_entries = d.depot_entries = huge;
  d.depot_max_depth = huge;
}

void spoil_slab_addresses() {
  table_directory[1] = 0x10;
  table_directory[2] = 0xffffffff81000000u;
  table_directory[3] = ~std::uint64_t{0};
  corrupt_descriptor.table_slabs = 4;
}

// `slabs` slabs at different addresses that are the same memory.
void alias_slabs(std::uint32_t slabs, std::uint32_t sequence) {
  constexpr std::uint32_t count = 16384;
  constexpr std::size_t bytes = count * sizeof(coro_header);
  const int memory = memfd_create("slab", MFD_CLOEXEC);
  if (memory < 0 || ftruncate(memory, bytes) != 0) _exit(1);
  for (std::uint32_t i = 0; i < slabs; ++i) {
    void* place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (place == MAP_FAILED) _exit(1);
    table_directory[i] = address(place);
    if (i > 0) continue;
    coro_header* header = static_cast<coro_header*>(place);
    for (std::uint32_t id = 1; id <= count; ++id, ++header) {
      *header = parked(id, 1);
      header->sequence = sequence;
    }
  }
  corrupt_descriptor.table_slab_headers = count;
  corrupt_descriptor.table_slabs = slabs;
}

void make_odd() {
  for (coro_header& header : slab) __atomic_store_n(&header.sequence, 3, __ATOMIC_RELEASE);
}

void add_stack() {
  frames[1] = frames[0] + 1;
  chunk[1] = {.frames = address(&frames[1]), .depth = 1, .flags = 0};
  __atomic_store_n(&corrupt_descriptor.depot_entries, 2, __ATOMIC_RELEASE);
  for (std::uint64_t id = 4; id <= 6; ++id) {
    coro_header header = parked(id, 2);
    const std::uint32_t sequence = header.sequence;
    header.sequence = sequence - 1;
    slab[id - 1] = header;
    __atomic_store_n(&slab[id - 1].sequence, sequence, __ATOMIC_RELEASE);
  }
}

void execute_another() {
  execl("/proc/self/exe", "corrupt_table", "silent", nullptr);
  _exit(1);
}

void end_main_thread() {
  const auto go_on = [](void*) -> void* {
    std::puts("changed");
    std::fflush(stdout);
    for (;;) pause();
  };
  pthread_t thread{};
  if (pthread_create(&thread, nullptr, go_on, nullptr) != 0) _exit(1);
  pthread_exit(nullptr);
}

const struct Mode {
  std::string_view name;
  void (*spoil)();             // at once
  void (*change)() = nullptr;  // after a line on stdin
} modes[] = {
    {"valid", [] {}},
    {"version", [] { corrupt_descriptor.major = 99; }},
    {"magic", [] { corrupt_descriptor.magic = 0x5858585858585858u; }},
    {"huge_counts", spoil_counts},
    {"bad_slab_address", spoil_slab_addresses},
    {"header_size_zero", [] { corrupt_descriptor.table_header_size = 0; }},
    {"depot_cycle_or_garbage", spoil_depot},
    {"odd_sequence", make_odd},
    {"aliased_odd", [] { alias_slabs(16, 3); }},
    {"aliased_ids", [] { alias_slabs(most_slabs, 2); }},
    {"duplicate_ids",
     [] {
       for (coro_header& header : slab) header = parked(1, 1);
     }},
    {"goes_odd", [] {}, make_odd},
    {"new_stack", [] {}, add_stack},
    {"executes", [] {}, execute_another},
    {"main_thread_ends", [] {}, end_main_thread},
    // What `executes` becomes: the note is there, and no table behind it.
    {"silent", [] { corrupt_descriptor = {}; }},
};

const Mode* find_mode(std::string_view name) {
  for (const Mode& mode : modes) {
    if (mode.name == name) return &mode;
  }
  return nullptr;
}

void say(const char* word) {
  std::puts(word);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const Mode* mode = argc == 2 ? find_mode(argv[1]) : nullptr;
  if (mode == nullptr) {
    std::fputs("usage: corrupt_table MODE, one of", stderr);
    for (const Mode& known : modes) std::fprintf(stderr, " %s", known.name.data());
    std::fputc('\n', stderr);
    return 2;
  }
  publish_valid();
  mode->spoil();
  if (argc < 0) fire_probes(1, 1);  // the sites have to be somewhere
  say(mode->name == "silent" ? "changed" : "ready");
  if (mode->change != nullptr && std::getchar() != EOF) {
    mode->change();
    say("changed");
  }
  for (;;) pause();
}
