// SPDX-License-Identifier: Apache-2.0
#include "scheduler_core.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "coro/error.h"
#include "descriptor.h"
#include "leaks.h"
#include "lifecycle.h"
#include "park.h"
#include "socket.h"

namespace coro::detail {
namespace {

static_assert(sizeof(Worker) <= CORO_WORKER_STRIDE && CORO_WORKER_STRIDE % alignof(Worker) == 0);

// Frames are several times larger under a sanitizer.
constexpr std::size_t default_stack_size = (CORO_ASAN || CORO_TSAN ? 256 : 64) * 1024;

unsigned worker_count(const SchedulerOptions& options) {
  if (options.deterministic && options.workers.value_or(0) != 0) {
    throw UsageError(
        "coro: a deterministic scheduler runs on the thread that calls run(): leave "
        "SchedulerOptions::workers away, or make it 0");
  }
  if (options.deterministic) return 1;
  if (options.workers) return std::max(1u, *options.workers);
  return std::max(1u, std::thread::hardware_concurrency());
}

void require_none(std::uint64_t count, const char* what) noexcept {
  if (count == 0) return;
  std::fprintf(stderr, "coro: %llu %s are left at the end of a scheduler that requires none\n",
               static_cast<unsigned long long>(count), what);
  std::abort();
}

}  // namespace

SchedulerCore::SchedulerCore(const SchedulerOptions& options)
    : require_empty_(options.require_empty),
      deterministic_(options.deterministic
                         ? std::make_unique<DeterministicState>(*options.deterministic)
                         : nullptr),
      published_(worker_count(options)),
      stacks_(this, options.stack_size != 0 ? options.stack_size : default_stack_size) {
  if (options.report_stack_overflow) report_stack_overflows();
  const unsigned count = worker_count(options);
  idle_.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    workers_.emplace_back(::new (published_.worker(i)) Worker(*this, i, count == 1));
  }
  if (deterministic_ != nullptr) workers_.front()->make_deterministic(deterministic_->seed);
  if (deterministic_ != nullptr || options.workers == 0u) {
    here_ = std::make_unique<Carrier>(*this);
  } else {
    try {
      for (auto& worker : workers_) add_carrier().give(*worker);
    } catch (...) {
      stop();  // those that were started look at the others, too
      throw;
    }
  }
  std::atomic_ref(coro_descriptor.workers).fetch_add(count, std::memory_order_relaxed);
}

SchedulerCore::~SchedulerCore() {
  const bool watched = leaks_watched() && deterministic_ == nullptr;
  if (watched && !runs_here()) await_leftovers(*this);
  stop();
  while (visitors_.load(std::memory_order_acquire) != 0) sched_yield();
  std::atomic_ref(coro_descriptor.workers)
      .fetch_sub(static_cast<std::uint32_t>(workers_.size()), std::memory_order_relaxed);
  const bool deadlocked = deterministic_ != nullptr && deterministic_->deadlock;  // as was thrown
  if (require_empty_ && !deadlocked) {
    require_none(live(), "coroutines");
    require_none(timers_.size(), "armed timers");
  }
  if (watched) record_leftovers(*this);
  expire_leftovers();
  free_leftovers();
}

// A callback finds the scheduler stopping, and forgets it.
void SchedulerCore::expire_leftovers() noexcept {
  Expired expired;
  timers_.take_expired(Timers::never, expired);
  for (TimerEntry* entry = expired.callbacks.first; entry != nullptr;) {
    TimerEntry* following = entry->sibling;
    entry->fire(*entry);
    entry = following;
  }
}

void SchedulerCore::stop() noexcept {
  stopping_.store(true, std::memory_order_seq_cst);
  while (Worker* worker = pop_idle()) {
    spinning.fetch_add(1, std::memory_order_seq_cst);
    worker->wake();
  }
  join_carriers();
}

// Coroutines that wait for ever end with their scheduler: their life is ended in
// the table and by the probes, too, so that an observer's counts stay true. Tasks
// first: their destructors may wake fibers.
void SchedulerCore::free_leftovers() noexcept {
  tasks_.end_all();
  stacks_.for_each([](Fiber& fiber) {
    if (!fiber.live) return;
    // A socket may be closed after the scheduler that somebody waited on.
    if (fiber.io != nullptr) abandon_wait(*fiber.io, fiber);
    if (get(fiber.header->state) == CORO_STATE_PARKED) publish_unpark(*fiber.header, 0);
    publish_exiting(*fiber.header);
    publish_free(*fiber.header);
    fiber.sanitizer.destroy();
    fiber.live = false;
  });
}

void SchedulerCore::run_here(bool (*until)(void*), void* argument) {
  if (here_taken_.exchange(true, std::memory_order_acquire)) {
    throw UsageError("coro: two threads run one scheduler that has no threads of its own");
  }
  here_->enter();
  workers_.front()->run(*here_, until, argument);
  here_->exit();
  here_taken_.store(false, std::memory_order_release);
  if (deterministic_ != nullptr && deterministic_->deadlock && !until(argument)) {
    throw Deadlock(*deterministic_->deadlock);
  }
}

void SchedulerCore::make_runnable(Coroutine& coroutine) noexcept {
  Worker* worker = current_worker();
  if (worker != nullptr && &worker->scheduler() == this) {
    worker->push(coroutine);
  } else {
    make_runnable_from_outside(coroutine);
  }
}

void SchedulerCore::make_runnable_from_outside(Coroutine& coroutine) noexcept {
  // Once it is queued it may run, and with it all end, while we are still here.
  visitors_.fetch_add(1, std::memory_order_relaxed);
  CoroutineList one;
  one.push_back(coroutine);
  push_global(one);
  notify_work();
  visitors_.fetch_sub(1, std::memory_order_release);
}

void SchedulerCore::push_global(CoroutineList& coroutines) noexcept {
  const std::lock_guard guard(global_mutex_);
  while (Coroutine* coroutine = coroutines.pop_front()) global_.push_back(*coroutine);
  global_size_.store(global_.size(), std::memory_order_release);
}

CoroutineList SchedulerCore::take_global(std::size_t most) noexcept {
  CoroutineList taken;
  if (global_size_.load(std::memory_order_acquire) == 0) return taken;
  const std::lock_guard guard(global_mutex_);
  const std::size_t share = global_.size() / workers_.size() + 1;
  for (std::size_t left = std::min(most, share); left > 0 && !global_.empty(); --left) {
    taken.push_back(*global_.pop_front());
  }
  global_size_.store(global_.size(), std::memory_order_release);
  return taken;
}

void SchedulerCore::notify_work() noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (idle_count_.load(std::memory_order_relaxed) == 0) return;
  std::uint32_t none = 0;
  if (spinning.load(std::memory_order_relaxed) != 0 ||
      !spinning.compare_exchange_strong(none, 1, std::memory_order_seq_cst)) {
    return;
  }
  if (Worker* worker = pop_idle()) {
    worker->wake();
  } else {
    spinning.fetch_sub(1, std::memory_order_seq_cst);
  }
}

void SchedulerCore::add_idle(Worker& worker) {
  const std::lock_guard guard(idle_mutex_);
  idle_.push_back(&worker);
  idle_count_.fetch_add(1, std::memory_order_seq_cst);
}

bool SchedulerCore::remove_idle(Worker& worker) noexcept {
  const std::lock_guard guard(idle_mutex_);
  const auto found = std::find(idle_.begin(), idle_.end(), &worker);
  if (found == idle_.end()) return false;
  idle_.erase(found);
  idle_count_.fetch_sub(1, std::memory_order_seq_cst);
  return true;
}

// The one in the poller comes last: taking it costs the others their poller.
Worker* SchedulerCore::pop_idle() noexcept {
  const std::lock_guard guard(idle_mutex_);
  if (idle_.empty()) return nullptr;
  auto chosen = std::find_if(idle_.rbegin(), idle_.rend(),
                             [](const Worker* worker) { return !worker->polling(); });
  if (chosen == idle_.rend()) chosen = idle_.rbegin();
  Worker* worker = *chosen;
  idle_.erase(std::next(chosen).base());
  idle_count_.fetch_sub(1, std::memory_order_seq_cst);
  return worker;
}

std::uint64_t SchedulerCore::deadline_after(std::chrono::nanoseconds duration) const noexcept {
  const std::uint64_t start = now();
  const auto span = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  // The largest deadline means "none".
  return span < Timers::never - 1 - start ? start + span : Timers::never - 1;
}

void SchedulerCore::arm(TimerEntry& timer) noexcept {
  if (timer.coroutine != nullptr) publish_deadline(*timer.coroutine->header, timer.deadline);
  if (timers_.add(timer)) poller_.interrupt();
}

bool SchedulerCore::work_visible() const noexcept {
  if (stopping() || global_size_.load(std::memory_order_acquire) != 0) return true;
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& worker) { return !worker->queue_empty(); });
}

std::uint64_t SchedulerCore::live() const noexcept {
  // Exits first: both only grow and no sum of exits exceeds the sum of spawns
  // that is read after it, so equal sums mean that nothing is live.
  std::uint64_t exited = 0;
  for (const auto& worker : workers_) exited += worker->exited();
  std::uint64_t spawned = foreign_spawned_.load(std::memory_order_acquire);
  for (const auto& worker : workers_) spawned += worker->spawned();
  return spawned - exited;
}

void SchedulerCore::wait_empty() {
  if (runs_here()) {
    const auto is_empty = [](void* core) { return static_cast<SchedulerCore*>(core)->live() == 0; };
    return run_here(is_empty, this);
  }
  std::unique_lock lock(empty_mutex_);
  empty_waiters_.fetch_add(1, std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  empty_.wait(lock, [this] { return live() == 0; });
  empty_waiters_.fetch_sub(1, std::memory_order_seq_cst);
}

void SchedulerCore::check_empty() noexcept {
  if (empty_waiters_.load(std::memory_order_seq_cst) == 0 || live() != 0) return;
  const std::lock_guard lock(empty_mutex_);
  empty_.notify_all();
}

}  // namespace coro::detail
