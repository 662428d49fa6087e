// SPDX-License-Identifier: Apache-2.0
#include "libdw_unwinder.h"

#include <elfutils/libdwfl.h>

#include <cstring>
#include <memory>

#include "symbolize/arch.h"

namespace coroscope {
namespace {

struct Walk {
  const ParkedTarget* target;
  const std::vector<std::byte>* stack;
  std::vector<uint64_t> pcs;
};

pid_t next_thread(Dwfl* dwfl, void* argument, void** thread) {
  if (*thread != nullptr) return 0;
  *thread = argument;
  return dwfl_pid(dwfl);
}

bool read_word(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) {
  const auto* walk = static_cast<const Walk*>(argument);
  const uint64_t offset = address - walk->target->parked().sp;
  if (offset > walk->stack->size() - sizeof *result) return false;
  std::memcpy(result, walk->stack->data() + offset, sizeof *result);
  return true;
}

bool set_registers(Dwfl_Thread* thread, void* argument) {
  const auto* walk = static_cast<const Walk*>(argument);
  const Dwarf_Word sp = walk->target->parked().sp;
  dwfl_thread_state_register_pc(thread, walk->target->parked().pc);
  return dwfl_thread_state_registers(thread, arch.stack_pointer, 1, &sp);
}

int add_frame(Dwfl_Frame* frame, void* argument) {
  auto* walk = static_cast<Walk*>(argument);
  Dwarf_Addr pc = 0;
  if (!dwfl_frame_pc(frame, &pc, nullptr)) return DWARF_CB_ABORT;
  walk->pcs.push_back(pc);
  return DWARF_CB_OK;
}

}  // namespace

std::vector<uint64_t> unwind_with_libdw(const ParkedTarget& target,
                                        const std::vector<std::byte>& stack) {
  Dwfl_Callbacks callbacks{};
  callbacks.find_elf = dwfl_linux_proc_find_elf;
  callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
  const std::unique_ptr<Dwfl, void (*)(Dwfl*)> dwfl(dwfl_begin(&callbacks), dwfl_end);
  const pid_t pid = target.process().pid();
  if (dwfl_linux_proc_report(dwfl.get(), pid) != 0) return {};
  if (dwfl_report_end(dwfl.get(), nullptr, nullptr) != 0) return {};
  Dwfl_Thread_Callbacks threads{};
  threads.next_thread = next_thread;
  threads.memory_read = read_word;
  threads.set_initial_registers = set_registers;
  Walk walk{&target, &stack, {}};
  if (!dwfl_attach_state(dwfl.get(), nullptr, pid, &threads, &walk)) return {};
  if (dwfl_getthread_frames(dwfl.get(), pid, add_frame, &walk) != 0) return {};
  return walk.pcs;
}

}  // namespace coroscope
