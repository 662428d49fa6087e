// SPDX-License-Identifier: Apache-2.0
// elfutils unwinds a fiber that is not running, from nothing but its saved stack
// pointer and the published resume_pc.
#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "coro/coro.h"
#include "descriptor.h"
#include "published.h"

namespace {

struct Unwind {
  std::uint64_t saved_sp;
  std::vector<std::uint64_t> frames;
};

pid_t next_thread(Dwfl*, void* arg, void** thread_arg) {
  if (*thread_arg != nullptr) return 0;
  *thread_arg = arg;
  return getpid();
}

bool get_thread(Dwfl*, pid_t, void* arg, void** thread_arg) {
  *thread_arg = arg;
  return true;
}

__attribute__((no_sanitize("address"))) bool read_memory(Dwfl*, Dwarf_Addr address,
                                                         Dwarf_Word* result, void*) {
  *result = *reinterpret_cast<const volatile Dwarf_Word*>(address);
  return true;
}

bool set_registers(Dwfl_Thread* thread, void* thread_arg) {
#if defined(__x86_64__)
  constexpr int stack_pointer = 7;
#else
  constexpr int stack_pointer = 31;
#endif
  const Dwarf_Word sp = static_cast<Unwind*>(thread_arg)->saved_sp;
  dwfl_thread_state_register_pc(thread, coro_descriptor.resume_pc);
  return dwfl_thread_state_registers(thread, stack_pointer, 1, &sp);
}

int add_frame(Dwfl_Frame* frame, void* arg) {
  Dwarf_Addr pc = 0;
  bool activation = false;
  if (!dwfl_frame_pc(frame, &pc, &activation)) return DWARF_CB_ABORT;
  static_cast<Unwind*>(arg)->frames.push_back(activation ? pc : pc - 1);
  return DWARF_CB_OK;
}

// The names of the functions, innermost first; "end" if the unwinding came to an
// end that the call frame information knows of.
std::vector<std::string> unwind(std::uint64_t saved_sp) {
  static const Dwfl_Callbacks callbacks{.find_elf = dwfl_linux_proc_find_elf,
                                        .find_debuginfo = dwfl_standard_find_debuginfo,
                                        .section_address = nullptr,
                                        .debuginfo_path = nullptr};
  static const Dwfl_Thread_Callbacks threads{.next_thread = next_thread,
                                             .get_thread = get_thread,
                                             .memory_read = read_memory,
                                             .set_initial_registers = set_registers,
                                             .detach = nullptr,
                                             .thread_detach = nullptr};
  const std::unique_ptr<Dwfl, void (*)(Dwfl*)> dwfl(dwfl_begin(&callbacks), dwfl_end);
  EXPECT_EQ(dwfl_linux_proc_report(dwfl.get(), getpid()), 0);
  EXPECT_EQ(dwfl_report_end(dwfl.get(), nullptr, nullptr), 0);
  Unwind state{saved_sp, {}};
  EXPECT_TRUE(dwfl_attach_state(dwfl.get(), nullptr, getpid(), &threads, &state));
  const int result = dwfl_getthread_frames(dwfl.get(), getpid(), add_frame, &state);
  std::vector<std::string> names;
  for (const std::uint64_t pc : state.frames) {
    const char* name = dwfl_module_addrname(dwfl_addrmodule(dwfl.get(), pc), pc);
    names.emplace_back(name != nullptr ? name : "?");
  }
  names.emplace_back(result == 0 ? "end" : dwfl_errmsg(-1));
  return names;
}

std::size_t position(const std::vector<std::string>& names, const std::string& part) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].find(part) != std::string::npos) return i;
  }
  std::string all;
  for (const std::string& name : names) all += name + "\n";
  ADD_FAILURE() << part << " is not in\n" << all;
  return names.size();
}

#define ONE_FRAME __attribute__((noinline, optimize("no-optimize-sibling-calls")))

ONE_FRAME void wait_here(coro::Channel<int>& channel) {
  static_cast<void>(channel.receive());
  asm volatile("");
}

ONE_FRAME void call_wait(coro::Channel<int>& channel) {
  wait_here(channel);
  asm volatile("");
}

TEST(Unwind, ParkedFiber) {
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  coro::Channel<int> channel(0);
  const std::uint64_t id = scheduler.run([&channel] {
    coro::Channel<std::uint64_t> started(1);
    coro::go([&channel, started]() mutable {
      started.send(coro::current_id());
      call_wait(channel);
    });
    return started.receive().value();
  });
  const coro_header header = wait_for_state(id, CORO_STATE_PARKED);
  const std::vector<std::string> names = unwind(header.saved_sp);
  EXPECT_EQ(position(names, "coro_resume_pc"), 0u);
  EXPECT_LT(position(names, "wait_here"), position(names, "call_wait"));
  EXPECT_LT(position(names, "call_wait"), position(names, "fiber_main"));
  EXPECT_EQ(position(names, "coro_entry"), names.size() - 2);
  EXPECT_EQ(names.back(), "end");
  channel.close();
  scheduler.wait_empty();
}

TEST(Unwind, FiberThatNeverRan) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    coro::go([] {});
    coro_header header{};
    for (coro_header* candidate : all_headers()) {
      const auto copy = read_header(*candidate);
      if (copy && copy->parent_id == coro::current_id() && copy->id != 0) header = *copy;
    }
    ASSERT_EQ(header.state, CORO_STATE_RUNNABLE);
    const std::vector<std::string> names = unwind(header.saved_sp);
    ASSERT_EQ(names.size(), 3u);
    EXPECT_NE(names[0].find("coro_resume_pc"), std::string::npos);
    EXPECT_NE(names[1].find("coro_entry"), std::string::npos);
    EXPECT_EQ(names[2], "end");
  });
  scheduler.wait_empty();
}

}  // namespace
