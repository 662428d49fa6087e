// SPDX-License-Identifier: Apache-2.0
#include "coro/detail/spawn.h"

#include <cstring>
#include <exception>
#include <vector>

#include "context.h"
#include "coro/error.h"
#include "deterministic.h"
#include "lifecycle.h"
#include "park.h"
#include "scheduler_core.h"
#include "spawn.h"
#include "unhandled.h"

// By the linker: the first byte of that section, and the one after the last.
extern "C" {
extern const char __start_coro_fiber_main[] __attribute__((visibility("hidden")));
extern const char __stop_coro_fiber_main[] __attribute__((visibility("hidden")));
}

namespace coro::detail {
namespace {

std::uintptr_t address(const char* label) noexcept {
  return reinterpret_cast<std::uintptr_t>(label);
}

void run_caught(Fiber& self) noexcept {
  try {
    self.run(self.closure);
  } catch (...) {
    unhandled_exception(std::current_exception(), failed_coroutine());
  }
}

// An exception that nobody takes gets past this function, to coro_uncaught: it
// must not be noexcept, as that would unwind the stack of the throw first.
// Alone in its section, which says where it ends.
[[noreturn, gnu::section("coro_fiber_main")]] void fiber_main(void* argument) {
  Fiber& self = *static_cast<Fiber*>(argument);
  Worker::arrive(self);
  if (unhandled_exception_handler() == nullptr) [[likely]] {
    self.run(self.closure);
  } else {
    run_caught(self);
  }
  publish_exiting(*self.header);
  Worker::leave(self, Leave::exit);
  __builtin_unreachable();
}

// The floating-point environment is inherited, as a new thread's is.
void save_control(std::byte* context) noexcept {
#if defined(__x86_64__)
  asm volatile("stmxcsr %0" : "=m"(*reinterpret_cast<std::uint32_t*>(context)));
  // While mxcsr has its default the x87 word is not looked at, see switch.S.
  if ((*reinterpret_cast<std::uint32_t*>(context) & 0xffc0) != 0x1f80) {
    asm volatile("fnstcw %0" : "=m"(*reinterpret_cast<std::uint16_t*>(context + 4)));
  }
#else
  asm volatile("mrs %0, fpcr" : "=r"(*reinterpret_cast<std::uint64_t*>(context)));
#endif
}

// A context as coro_switch would have saved it, about to enter fiber_main.
void fabricate_context(Fiber& fiber) noexcept {
  const auto top = reinterpret_cast<std::uintptr_t>(fiber.closure) & ~std::uintptr_t{15};
  auto* context = reinterpret_cast<std::byte*>(top - CORO_CONTEXT_SIZE);
  std::memset(context, 0, CORO_CONTEXT_SIZE);
  const auto set = [context](std::size_t offset, std::uintptr_t value) {
    std::memcpy(context + offset, &value, sizeof value);
  };
  set(CORO_CONTEXT_CALLEE, reinterpret_cast<std::uintptr_t>(&fiber_main));
  set(CORO_CONTEXT_ARGUMENT, reinterpret_cast<std::uintptr_t>(&fiber));
  set(CORO_CONTEXT_PC, reinterpret_cast<std::uintptr_t>(coro_entry));
  save_control(context + CORO_CONTEXT_CONTROL);
  fiber.saved_sp = context;
}
static_assert(CORO_CONTEXT_SIZE % 16 == 0, "the stack pointer stays aligned for a call");

// The worker of the calling thread if it belongs to the fiber's scheduler.
Worker* own_worker(const SchedulerCore* scheduler) noexcept {
  Worker* worker = current_worker();
  return worker != nullptr && &worker->scheduler() == scheduler ? worker : nullptr;
}

}  // namespace

SchedulerCore& spawning_scheduler(Worker* worker) {
  if (worker == nullptr || worker->current() == nullptr) {
    throw UsageError("coro::go was called outside of a coroutine: use Scheduler::go there");
  }
  return worker->scheduler();
}

NewFiber prepare(SchedulerCore* scheduler, std::size_t size, std::size_t alignment) {
  Worker* worker = current_worker();
  if (scheduler == nullptr) scheduler = &spawning_scheduler(worker);
  Fiber* fiber = nullptr;
  if (worker != nullptr && &worker->scheduler() == scheduler) {
    fiber = &worker->take_fiber();
  } else {
    std::vector<Fiber*> one;
    scheduler->stacks().take(one, 1);
    fiber = one.front();
  }
  const auto high = reinterpret_cast<std::uintptr_t>(fiber->stack_high);
  fiber->closure = reinterpret_cast<void*>((high - size) & ~(alignment - 1));
  return {fiber, fiber->closure};
}

void abandon(Fiber* fiber) noexcept {
  if (Worker* worker = own_worker(fiber->scheduler)) {
    worker->give_fiber(*fiber);
    return;
  }
  fiber->scheduler->stacks().give({&fiber, 1});
}

// A task's spawner runs on the thread's own stack.
StackBounds current_bounds(const Coroutine* running) noexcept {
  if (running == nullptr || running->resume != nullptr) return thread_stack_bounds();
  const auto& fiber = static_cast<const Fiber&>(*running);
  return {.low = reinterpret_cast<std::uintptr_t>(fiber.stack_low),
          .high = reinterpret_cast<std::uintptr_t>(fiber.stack_high)};
}

void walk_running(const void* frame, const Coroutine* running, WalkedStack& stack) noexcept {
  walk_stack(frame, current_bounds(running), stack);
  if (running == nullptr || running->resume != nullptr || stack.truncated) return;
  // Outermost is coro_entry, which calls fiber_main, which calls the program.
  stack.cut = stack.depth < 2 || stack.frames[stack.depth - 2] < address(__start_coro_fiber_main) ||
              stack.frames[stack.depth - 2] > address(__stop_coro_fiber_main);
}

__attribute__((noinline)) std::uint64_t launch(Fiber* fiber, void (*run)(void*), const void* entry,
                                               Annotation* annotation) noexcept {
  Coroutine* parent = current_coroutine();
  WalkedStack stack;
  walk_running(__builtin_frame_address(0), parent, stack);

  fiber->run = run;
  fiber->exceptions = ExceptionState();
  fiber->live = true;
  fiber->sanitizer.create(fiber->stack_low,
                          static_cast<std::size_t>(fiber->stack_high - fiber->stack_low));
  fabricate_context(*fiber);

  Worker* worker = own_worker(fiber->scheduler);
  SpawnRecord record{};
  record.id = worker != nullptr ? worker->next_id() : claim_ids(1);
  record.parent_id = parent != nullptr ? get(parent->header->id) : 0;
  record.stack_id = depot().intern(stack);
  record.entry = reinterpret_cast<std::uint64_t>(entry);
  record.kind = CORO_KIND_FIBER;
  record.saved_sp = reinterpret_cast<std::uint64_t>(fiber->saved_sp);
  record.stack_low = reinterpret_cast<std::uint64_t>(fiber->stack_low);
  record.stack_high = reinterpret_cast<std::uint64_t>(fiber->stack_high);
  record.annotation = first_annotation(parent != nullptr ? parent->header : nullptr, annotation);
  if (worker != nullptr) {
    worker->count_spawn();
  } else {
    fiber->scheduler->count_foreign_spawn();
  }
  publish_spawn(*fiber->header, record);
  fiber->scheduler->make_runnable(*fiber);
  scheduling_point();
  return record.id;
}

}  // namespace coro::detail
