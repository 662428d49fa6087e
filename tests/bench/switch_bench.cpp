// SPDX-License-Identifier: Apache-2.0
#include "switch_bench.h"

#include <cstdint>
#include <cstring>

#include "context.h"

namespace coro_bench {
namespace {

void put(std::byte* context, std::size_t offset, std::uint64_t value) {
  std::memcpy(context + offset, &value, sizeof value);
}

// The floating-point control words in force, as a context keeps them.
void put_control(std::byte* context) {
#if defined(__x86_64__)
  std::uint32_t mxcsr = 0;
  std::uint16_t x87 = 0;
  asm volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
  std::memcpy(context + CORO_CONTEXT_CONTROL, &mxcsr, sizeof mxcsr);
  std::memcpy(context + CORO_CONTEXT_CONTROL + 4, &x87, sizeof x87);
#elif defined(__aarch64__)
  std::uint64_t fpcr = 0;
  asm volatile("mrs %0, fpcr" : "=r"(fpcr));
  put(context, CORO_CONTEXT_CONTROL, fpcr);
#endif
}

}  // namespace

Bouncer::Bouncer() : stack_{} {
  std::byte* context = stack_.data() + stack_.size() - CORO_CONTEXT_SIZE;
  put(context, CORO_CONTEXT_CALLEE, reinterpret_cast<std::uint64_t>(&Bouncer::run));
  put(context, CORO_CONTEXT_ARGUMENT, reinterpret_cast<std::uint64_t>(this));
  put(context, CORO_CONTEXT_PC, reinterpret_cast<std::uint64_t>(coro_entry));
  put_control(context);
  own_ = context;
}

void Bouncer::bounce() {
  coro_switch(&caller_, own_);
}

void Bouncer::run(void* self) {
  auto& bouncer = *static_cast<Bouncer*>(self);
  for (;;) coro_switch(&bouncer.own_, bouncer.caller_);
}

}  // namespace coro_bench
