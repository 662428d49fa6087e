// SPDX-License-Identifier: Apache-2.0
#include "probes.h"

#if !defined(CORO_NO_PROBES)

#define _SDT_HAS_SEMAPHORES 1
// Registers only: every consumer of notes can read those.
#define STAP_SDT_ARG_CONSTRAINT r
#include <sys/sdt.h>

#if defined(__clang__)
#define CORO_PROBE_SITE __attribute__((noinline))
#else
#define CORO_PROBE_SITE __attribute__((noinline, noclone, noipa))
#endif

extern "C" {
#define CORO_SEMAPHORE __attribute__((section(".probes"), used, visibility("hidden")))
volatile unsigned short coro_spawn_semaphore CORO_SEMAPHORE = 0;
volatile unsigned short coro_park_semaphore CORO_SEMAPHORE = 0;
volatile unsigned short coro_unpark_semaphore CORO_SEMAPHORE = 0;
volatile unsigned short coro_exit_semaphore CORO_SEMAPHORE = 0;
volatile unsigned short coro_flush_semaphore CORO_SEMAPHORE = 0;
volatile unsigned short coro_parked_stack_semaphore CORO_SEMAPHORE = 0;
}

namespace coro::detail::probes {

CORO_PROBE_SITE void spawn(std::uint64_t id, std::uint64_t parent, std::uint64_t stack,
                           std::uint64_t entry) noexcept {
  STAP_PROBE4(coro, spawn, id, parent, stack, entry);
}

CORO_PROBE_SITE void park(std::uint64_t id, std::uint64_t reason, std::uint64_t object,
                          std::uint64_t stack) noexcept {
  STAP_PROBE4(coro, park, id, reason, object, stack);
}

CORO_PROBE_SITE void unpark(std::uint64_t id, std::uint64_t waker, std::uint64_t parked_ns,
                            std::uint64_t stack) noexcept {
  STAP_PROBE4(coro, unpark, id, waker, parked_ns, stack);
}

CORO_PROBE_SITE void exit(std::uint64_t id, std::uint64_t stack,
                          std::uint64_t lifetime_ns) noexcept {
  STAP_PROBE3(coro, exit, id, stack, lifetime_ns);
}

CORO_PROBE_SITE void flush(const coro_event* events, std::uint64_t count, std::uint64_t worker,
                           std::uint64_t first) noexcept {
  STAP_PROBE4(coro, flush, reinterpret_cast<std::uint64_t>(events), count, worker, first);
}

CORO_PROBE_SITE void parked_stack(std::uint64_t stack_id, std::uint64_t frames,
                                  std::uint64_t depth) noexcept {
  STAP_PROBE3(coro, parked_stack, stack_id, frames, depth);
}

}  // namespace coro::detail::probes

#endif  // CORO_NO_PROBES
