// SPDX-License-Identifier: Apache-2.0
// The USDT probes of provider `coro`; the contract is in PROBES.md.
#pragma once

#include <atomic>
#include <cstdint>

#include "coro/abi.h"

#if defined(CORO_NO_PROBES)

namespace coro::detail::probes {
inline bool spawn_up() noexcept {
  return false;
}
inline bool park_up() noexcept {
  return false;
}
inline bool unpark_up() noexcept {
  return false;
}
inline bool exit_up() noexcept {
  return false;
}
inline bool flush_up() noexcept {
  return false;
}
inline bool parked_stack_up() noexcept {
  return false;
}
inline void spawn(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) noexcept {}
inline void park(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) noexcept {}
inline void unpark(std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t) noexcept {}
inline void exit(std::uint64_t, std::uint64_t, std::uint64_t) noexcept {}
inline void flush(const coro_event*, std::uint64_t, std::uint64_t, std::uint64_t) noexcept {}
inline void parked_stack(std::uint64_t, std::uint64_t, std::uint64_t) noexcept {}
}  // namespace coro::detail::probes

#else

extern "C" {
// The kernel counts the attached consumers of a probe here.
extern volatile unsigned short coro_spawn_semaphore __attribute__((visibility("hidden")));
extern volatile unsigned short coro_park_semaphore __attribute__((visibility("hidden")));
extern volatile unsigned short coro_unpark_semaphore __attribute__((visibility("hidden")));
extern volatile unsigned short coro_exit_semaphore __attribute__((visibility("hidden")));
extern volatile unsigned short coro_flush_semaphore __attribute__((visibility("hidden")));
extern volatile unsigned short coro_parked_stack_semaphore __attribute__((visibility("hidden")));
}

namespace coro::detail::probes {

// Reads a semaphore, after the *_ING state that announces the probe was stored.
//
// An observer raises the semaphore, attaches, and only then reads the table. It
// must not see an old state of a coroutine that has found the semaphore down.
// On x86 the store of the state may still be in this CPU's store buffer when the
// semaphore is loaded. It cannot stay there past the attach: after raising the
// semaphore the kernel replaces the page with the breakpoint and flushes it from
// every CPU that runs this process by an interrupt (and a CPU that no longer
// runs it has switched context); either drains the store buffer. So the table
// that is read afterwards shows the state. A full fence would cost about 6 ns an
// event, more than all the rest of the publication. AArch64 flushes by a
// broadcast without an interrupt: there the fence is needed.
inline bool up(const volatile unsigned short& semaphore) noexcept {
#if defined(__x86_64__)
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  return __builtin_expect(semaphore != 0, 0);
}

inline bool spawn_up() noexcept {
  return up(coro_spawn_semaphore);
}
inline bool park_up() noexcept {
  return up(coro_park_semaphore);
}
inline bool unpark_up() noexcept {
  return up(coro_unpark_semaphore);
}
inline bool exit_up() noexcept {
  return up(coro_exit_semaphore);
}
inline bool flush_up() noexcept {
  return up(coro_flush_semaphore);
}
inline bool parked_stack_up() noexcept {
  return up(coro_parked_stack_semaphore);
}

// One site each, out of line. Call them only when the semaphore is up.
void spawn(std::uint64_t id, std::uint64_t parent, std::uint64_t stack,
           std::uint64_t entry) noexcept;
void park(std::uint64_t id, std::uint64_t reason, std::uint64_t object,
          std::uint64_t stack) noexcept;
void unpark(std::uint64_t id, std::uint64_t waker, std::uint64_t parked_ns,
            std::uint64_t stack) noexcept;
void exit(std::uint64_t id, std::uint64_t stack, std::uint64_t lifetime_ns) noexcept;
void flush(const coro_event* events, std::uint64_t count, std::uint64_t worker,
           std::uint64_t first) noexcept;
void parked_stack(std::uint64_t stack_id, std::uint64_t frames, std::uint64_t depth) noexcept;

}  // namespace coro::detail::probes

#endif  // CORO_NO_PROBES
