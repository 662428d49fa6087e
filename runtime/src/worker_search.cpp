// SPDX-License-Identifier: Apache-2.0
// How a worker finds a coroutine to run, and how it sleeps when there is none.
//
// No wake-up is lost: whoever queues work stores it, fences, and then looks for
// spinning and idle workers; a worker enters the idle list, stops spinning,
// fences, and then looks at all the queues once more. One of the two sees the
// other.
//
// While any worker is idle, one idle worker sleeps in the poller (for sockets and
// timers). When it leaves with work to do it wakes another one in its place,
// since whoever stops spinning with work wakes the next.
#include <algorithm>
#include <utility>

#include "clock.h"
#include "futex.h"
#include "park.h"
#include "scheduler_core.h"
#include "worker.h"

namespace coro::detail {
namespace {

// How many coroutines are run between looks at the global queue and the poller. A
// prime, so that it does not beat with the program's own periods.
constexpr std::uint32_t fairness_runs = 61;

constexpr int steal_rounds = 2;

}  // namespace

// For one that would only yield to itself.
bool Worker::must_look() const noexcept {
  if (deterministic_) ++scheduler_.deterministic()->idle_yields;
  return runs_left_ == 0 || scheduler_.global_waiting() || scheduler_.stopping();
}

Coroutine* Worker::find_runnable(bool (*until)(void*), void* argument) {
  if (deterministic_) return find_chosen(until, argument);
  while (!scheduler_.stopping()) {
    if (next_ != nullptr) return std::exchange(next_, nullptr);
    if (until != nullptr && until(argument)) return nullptr;
    if (runs_left_-- == 0) {
      runs_left_ = fairness_runs;
      if (Coroutine* coroutine = look_around()) return found(coroutine);
    }
    if (Coroutine* coroutine = queue_.pop(!scheduler_.alone())) return found(coroutine);
    if (Coroutine* coroutine = take_global(RunQueue::capacity / 2)) return found(coroutine);
    if (poll_now(true)) continue;
    if (Coroutine* coroutine = steal()) return found(coroutine);
    sleep();
  }
  return nullptr;
}

Coroutine* Worker::found(Coroutine* coroutine) noexcept {
  if (spinning_) {
    stop_spinning();
    scheduler_.notify_work();
  }
  return coroutine;
}

Coroutine* Worker::take_global(std::size_t most) noexcept {
  CoroutineList coroutines = scheduler_.take_global(most);
  Coroutine* first = coroutines.pop_front();
  while (Coroutine* coroutine = coroutines.pop_front()) push(*coroutine);
  return first;
}

Coroutine* Worker::steal() noexcept {
  if (scheduler_.alone()) return nullptr;
  if (!spinning_) begin_spinning();
  const auto& workers = scheduler_.workers();
  const std::uint64_t first = random() % workers.size();
  for (std::size_t i = 0; i < steal_rounds * workers.size(); ++i) {
    Worker& victim = *workers[(first + i) % workers.size()];
    if (&victim == this) continue;
    if (Coroutine* coroutine = victim.queue_.steal_into(queue_)) {
      count(queue_.steals);
      count(queue_.stolen, 1 + queue_.size());
      return coroutine;
    }
  }
  return nullptr;
}

// What is done every fairness_runs, whatever our own queue holds. The poller only
// adds to that queue: as long as there is a global one to be served it is looked
// at less often, or else a few busy sockets would keep all others waiting.
Coroutine* Worker::look_around() {
  events_.flush_old();
  constexpr std::uint32_t looks_for_one_poll = 16;
  poll_now(++looks_ % looks_for_one_poll == 0);
  Coroutine* coroutine = take_global(fairness_runs);
  if (coroutine == nullptr) poll_now(true);
  return coroutine;
}

// Wakes what is due without waiting: timers, and sockets if asked to. True:
// something became runnable.
bool Worker::poll_now(bool sockets) {
  Expired ready;
  Timers& timers = scheduler_.timers();
  if (timers.next() != Timers::never) {
    const std::uint64_t now = scheduler_.now();
    if (now >= timers.next()) timers.take_expired(now, ready);
  }
  Poller& poller = scheduler_.poller();
  if (sockets && poller.in_use() && !scheduler_.poller_taken.load(std::memory_order_relaxed)) {
    poller.look(ready.coroutines);
  }
  return wake_expired(ready);
}

bool Worker::wake_expired(Expired& expired) noexcept {
  const bool any = !expired.empty();
  while (Coroutine* coroutine = expired.coroutines.pop_front()) unpark(*coroutine, 0);
  for (TimerEntry* entry = expired.callbacks.first; entry != nullptr;) {
    TimerEntry* following = entry->sibling;
    entry->fire(*entry);
    entry = following;
  }
  return any;
}

void Worker::begin_spinning() noexcept {
  spinning_ = true;
  scheduler_.spinning.fetch_add(1, std::memory_order_seq_cst);
}

void Worker::stop_spinning() noexcept {
  if (!spinning_) return;
  spinning_ = false;
  scheduler_.spinning.fetch_sub(1, std::memory_order_seq_cst);
}

void Worker::sleep() {
  events_.flush();
  scheduler_.add_idle(*this);
  stop_spinning();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  scheduler_.check_empty();
  if (scheduler_.work_visible()) {
    stop_sleeping();
    return;
  }
  count(queue_.sleeps);
  put(queue_.running, std::uint64_t{0});
  if (!scheduler_.poller_taken.exchange(true, std::memory_order_seq_cst)) {
    sleep_polling();
  } else {
    sleep_on_futex();
  }
}

void Worker::sleep_polling() {
  Expired ready;
  Timers& timers = scheduler_.timers();
  polling_.store(true, std::memory_order_seq_cst);
  const std::uint64_t until = timers.begin_poll();
  if (notified_.load(std::memory_order_seq_cst) == 0) {
    std::int64_t timeout = -1;
    if (until != Timers::never) {
      const std::uint64_t now = scheduler_.now();
      timeout = until > now ? static_cast<std::int64_t>(until - now) : 0;
    }
    scheduler_.poller().sleep(timeout, ready.coroutines);
  }
  timers.end_poll();
  polling_.store(false, std::memory_order_seq_cst);
  scheduler_.poller_taken.store(false, std::memory_order_seq_cst);
  stop_sleeping();
  // Now spinning: nobody else is woken for what follows before we take a share.
  if (until != Timers::never) timers.take_expired(scheduler_.now(), ready);
  wake_expired(ready);
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
