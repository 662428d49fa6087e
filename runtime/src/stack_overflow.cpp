// SPDX-License-Identifier: Apache-2.0
#include "stack_overflow.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "dump.h"
#include "sanitizer.h"
#include "snapshot.h"
#include "text_writer.h"

namespace coro::detail {
namespace {

constexpr std::size_t alternate_size = std::size_t{64} * 1024;
constexpr std::uint32_t frames_shown = 24;

std::uint64_t page_size = 0;
struct sigaction former_segv;
struct sigaction former_bus;

struct Registers {
  std::uint64_t pc;
  std::uint64_t fp;
};

Registers registers_of(const void* context) noexcept {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return {.pc = static_cast<std::uint64_t>(machine.gregs[REG_RIP]),
          .fp = static_cast<std::uint64_t>(machine.gregs[REG_RBP])};
#else
  return {.pc = machine.pc, .fp = machine.regs[29]};
#endif
}

// The coroutine whose guard page has the address, if it is one that runs: it may be
// in coro::blocking, where the thread has no worker, so the table is asked.
coro_header* overflowed(std::uint64_t address) noexcept {
  coro_header* found = nullptr;
  for_each_header([&](coro_header& header) {
    const std::uint64_t low = get(header.stack_low);
    if (get(header.id) == 0 || address >= low || low - address > page_size) return;
    const std::uint32_t state = get(header.state);
    if (state != CORO_STATE_PARKED && state != CORO_STATE_RUNNABLE) found = &header;
  });
  return found;
}

void report(coro_header& header, const Registers& registers) noexcept {
  Snapshot coroutine;
  if (coroutine.take(header) != Snapshot::Result::read) return;
  const std::uint64_t low = coroutine.header().stack_low;
  const std::uint64_t high = coroutine.header().stack_high;
  TextWriter out(2);
  DumpWriter writer(out, false);
  out << "coro: stack overflow in ";
  write_identity(out, coroutine.header().id, coroutine.name());
  out << ": it has used all " << (high - low) / 1024
      << " KiB of its stack; give more by SchedulerOptions::stack_size, or recurse less\n"
      << "overflowed at\n";
  writer.write_code(registers.pc);
  WalkedStack stack;
  if (registers.fp >= low && registers.fp < high) {
    walk_stack(reinterpret_cast<const void*>(registers.fp), {.low = low, .high = high}, stack);
  }
  const std::uint32_t shown = stack.depth < frames_shown ? stack.depth : frames_shown;
  writer.write_stack(stack.frames, shown, stack.truncated || shown < stack.depth);
  out << "running\n";
  writer.write_code(coroutine.header().entry);
  writer.write_creation(coroutine.header().parent_id, coroutine.header().spawn_stack_id);
}

void on_fault(int signal, siginfo_t* info, void* context) {
  // Not one that was sent.
  if (info->si_code > 0) {
    const auto address = reinterpret_cast<std::uint64_t>(info->si_addr);
    if (coro_header* header = overflowed(address)) report(*header, registers_of(context));
  }
  const struct sigaction& former = signal == SIGSEGV ? former_segv : former_bus;
  if ((former.sa_flags & SA_SIGINFO) != 0) {
    former.sa_sigaction(signal, info, context);
  } else if (former.sa_handler != SIG_DFL && former.sa_handler != SIG_IGN) {
    former.sa_handler(signal);
  } else {
    // The instruction faults again, now with nobody to handle it: the core dump
    // shows the coroutine where it was.
    ::signal(signal, SIG_DFL);
    if (info->si_code <= 0) raise(signal);
  }
}

void install() noexcept {
  page_size = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &former_segv);
  sigaction(SIGBUS, &action, &former_bus);
}

}  // namespace

void report_stack_overflows() noexcept {
  static std::atomic<bool> installed{false};
  if (CORO_ASAN || CORO_TSAN || installed.exchange(true)) return;
  install();
}

void AlternateStack::enter() noexcept {
  stack_t present{};
  if (CORO_ASAN || CORO_TSAN || memory_ != nullptr) return;
  if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
  void* memory = mmap(nullptr, alternate_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return;
  const stack_t own{.ss_sp = memory, .ss_flags = 0, .ss_size = alternate_size};
  if (sigaltstack(&own, nullptr) == 0) {
    memory_ = memory;
  } else {
    munmap(memory, alternate_size);
  }
}

void AlternateStack::leave() noexcept {
  if (memory_ == nullptr) return;
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  sigaltstack(&none, nullptr);
  munmap(memory_, alternate_size);
  memory_ = nullptr;
}

}  // namespace coro::detail
