// SPDX-License-Identifier: Apache-2.0
#include "carrier.h"

#include <cxxabi.h>

#include "depot.h"
#include "futex.h"
#include "park.h"
#include "scheduler_core.h"

namespace coro::detail {
namespace {

constexpr std::uint32_t signal_given = 1;
constexpr std::uint32_t signal_finish = 2;

}  // namespace

void Carrier::start() {
  thread_ = std::thread([this] { main(); });
}

void Carrier::give(Worker& worker) noexcept {
  given_.store(&worker, std::memory_order_relaxed);
  signal(signal_given);
}

void Carrier::finish() noexcept {
  signal(signal_finish);
}

void Carrier::signal(std::uint32_t what) noexcept {
  signals_.fetch_or(what, std::memory_order_acq_rel);
  futex_wake(signals_);
}

void Carrier::enter() noexcept {
  exceptions = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  const StackBounds bounds = thread_stack_bounds();
  sanitizer.adopt_thread(reinterpret_cast<const void*>(bounds.low), bounds.high - bounds.low);
  alternate_stack_.enter();
}

// A worker that was given comes first, also when all is to end: it has to be run
// for its coroutines to be left in order.
Worker* Carrier::wait() noexcept {
  for (;;) {
    const std::uint32_t signals = signals_.load(std::memory_order_acquire);
    if ((signals & signal_given) != 0) {
      signals_.fetch_and(~signal_given, std::memory_order_relaxed);
      return given_.load(std::memory_order_relaxed);
    }
    if ((signals & signal_finish) != 0) return nullptr;
    futex_wait(signals_, 0);
  }
}

void Carrier::main() noexcept {
  enter();
  while (Worker* worker = wait()) {
    if (worker->run(*this)) break;  // the scheduler stops
    Fiber& fiber = *unblocked;
    unblocked = nullptr;
    publish_saved(*fiber.header, fiber.saved_sp, CORO_STATE_RUNNABLE);
    scheduler_.add_spare(*this);
    scheduler_.make_runnable(fiber);
  }
  exit();
}

}  // namespace coro::detail
