// SPDX-License-Identifier: Apache-2.0
// How a worker finds a fiber to run, and how it sleeps when there is none.
//
// No wake-up is lost: whoever queues work stores it, fences, and then looks for
// spinning and idle workers; a worker enters the idle list, stops spinning,
// fences, and then looks at all the queues once more. One of the two sees the
// other.
//
// While any worker is idle, one idle worker sleeps in the poller (for sockets and
// timers). When it leaves with work to do it wakes another one in its place,
// since whoever stops spinning with work wakes the next.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "clock.h"
#include "park.h"
#include "scheduler_core.h"
#include "worker.h"

namespace coro::detail {
namespace {

// How many fibers are run between looks at the global queue and the poller. A
// prime, so that it does not beat with the program's own periods.
constexpr std::uint32_t fairness_ticks = 61;

constexpr int steal_rounds = 2;

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t value) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void unpark_all(FiberList& fibers) noexcept {
  while (Fiber* fiber = fibers.pop_front()) unpark(*fiber);
}

}  // namespace

Fiber* Worker::find_runnable() {
  while (!scheduler_.stopping()) {
    if (++tick_ % fairness_ticks == 0) {
      poll_now();
      if (Fiber* fiber = take_global(1)) return found(fiber);
    }
    if (Fiber* fiber = queue_.pop(!scheduler_.alone())) return found(fiber);
    if (Fiber* fiber = take_global(RunQueue::capacity / 2)) return found(fiber);
    if (poll_now()) continue;
    if (Fiber* fiber = steal()) return found(fiber);
    sleep();
  }
  return nullptr;
}

Fiber* Worker::found(Fiber* fiber) noexcept {
  if (spinning_) {
    spinning_ = false;
    scheduler_.spinning.fetch_sub(1, std::memory_order_seq_cst);
    scheduler_.notify_work();
  }
  return fiber;
}

Fiber* Worker::take_global(std::size_t most) noexcept {
  FiberList fibers = scheduler_.take_global(most);
  Fiber* first = fibers.pop_front();
  while (Fiber* fiber = fibers.pop_front()) push(*fiber);
  return first;
}

Fiber* Worker::steal() noexcept {
  if (scheduler_.alone()) return nullptr;
  if (!spinning_) begin_spinning();
  const auto& workers = scheduler_.workers();
  random_ = random_ * 1664525u + 1013904223u + index_;
  for (std::size_t i = 0; i < steal_rounds * workers.size(); ++i) {
    Worker& victim = *workers[(random_ / 65536u + i) % workers.size()];
    if (&victim == this) continue;
    if (Fiber* fiber = victim.queue_.steal_into(queue_)) return fiber;
  }
  return nullptr;
}

// Wakes what is due without waiting. True: something became runnable.
bool Worker::poll_now() {
  FiberList ready;
  Timers& timers = scheduler_.timers();
  if (timers.next() != Timers::never) {
    const std::uint64_t now = exact_now();
    if (now >= timers.next()) timers.take_expired(now, ready);
  }
  Poller& poller = scheduler_.poller();
  if (poller.in_use() && !scheduler_.poller_taken.load(std::memory_order_relaxed)) {
    poller.look(ready);
  }
  const bool any = !ready.empty();
  unpark_all(ready);
  return any;
}

void Worker::begin_spinning() noexcept {
  spinning_ = true;
  scheduler_.spinning.fetch_add(1, std::memory_order_seq_cst);
}

void Worker::sleep() {
  scheduler_.add_idle(*this);
  if (spinning_) {
    spinning_ = false;
    scheduler_.spinning.fetch_sub(1, std::memory_order_seq_cst);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  scheduler_.check_empty();
  if (scheduler_.work_visible()) {
    stop_sleeping();
  } else if (!scheduler_.poller_taken.exchange(true, std::memory_order_seq_cst)) {
    sleep_polling();
  } else {
    sleep_on_futex();
  }
}

void Worker::sleep_polling() {
  FiberList ready;
  Timers& timers = scheduler_.timers();
  polling_.store(true, std::memory_order_seq_cst);
  const std::uint64_t until = timers.begin_poll();
  if (notified_.load(std::memory_order_seq_cst) == 0) {
    std::int64_t timeout = -1;
    if (until != Timers::never) {
      const std::uint64_t now = exact_now();
      timeout = until > now ? static_cast<std::int64_t>(until - now) : 0;
    }
    scheduler_.poller().sleep(timeout, ready);
  }
  timers.end_poll();
  polling_.store(false, std::memory_order_seq_cst);
  scheduler_.poller_taken.store(false, std::memory_order_seq_cst);
  stop_sleeping();
  // Now spinning: nobody else is woken for what follows before we take a share.
  if (until != Timers::never) timers.take_expired(exact_now(), ready);
  unpark_all(ready);
}

void Worker::sleep_on_futex() noexcept {
  while (notified_.load(std::memory_order_acquire) == 0) futex_wait(notified_, 0);
  stop_sleeping();
}

// Off the idle list and spinning, by our own decision or by that of a waker.
void Worker::stop_sleeping() noexcept {
  if (scheduler_.remove_idle(*this)) {
    begin_spinning();
    return;
  }
  while (notified_.load(std::memory_order_acquire) == 0) futex_wait(notified_, 0);
  notified_.store(0, std::memory_order_relaxed);
  spinning_ = true;  // the waker has counted us
}

void Worker::wake() noexcept {
  notified_.store(1, std::memory_order_seq_cst);
  if (polling()) scheduler_.poller().interrupt();
  futex_wake(notified_);
}

}  // namespace coro::detail
