// SPDX-License-Identifier: Apache-2.0
#include "deterministic.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "coro/error.h"
#include "coro/reason.h"
#include "park.h"
#include "scheduler_core.h"
#include "task_pool.h"

namespace coro::detail {

constinit std::atomic<std::uint32_t> deterministic_schedulers{0};

namespace {

constexpr std::uint32_t fairness_runs = 61;  // as in worker_search.cpp

// Enough that each runnable coroutine has had its turn many times.
constexpr std::uint64_t idle_yields_each = 100;

// Before virtual time goes on while sockets are waited on: what was sent over
// loopback has arrived by then.
constexpr std::int64_t socket_grace_ns = 1'000'000;
// Without timers; other threads may make something runnable, and do not tell.
constexpr std::int64_t socket_wait_ns = 10'000'000;

constexpr std::size_t listed_most = 100;

std::uint64_t threshold(double probability) {
  if (!(probability >= 0 && probability <= 1)) {
    throw UsageError(
        "coro: Deterministic::switch_probability is a probability: from 0 to 1, both included");
  }
  return static_cast<std::uint64_t>(std::ldexp(probability, 32));
}

std::vector<const coro_header*> parked_coroutines(SchedulerCore& scheduler) {
  std::vector<const coro_header*> parked;
  const auto add = [&parked](const Coroutine& coroutine) {
    if (get(coroutine.header->state) == CORO_STATE_PARKED) parked.push_back(coroutine.header);
  };
  scheduler.stacks().for_each(add);
  scheduler.tasks().for_each(add);
  return parked;
}

bool waits_for_sockets(SchedulerCore& scheduler) {
  return scheduler.poller().in_use() &&
         std::ranges::any_of(parked_coroutines(scheduler), [](const coro_header* header) {
           return header->reason == CORO_REASON_IO_WAIT;
         });
}

// Coroutine::resume of a task that was postponed.
void resume_postponed(Coroutine& task) noexcept {
  auto& all = task.scheduler->deterministic()->postponed;
  const auto found = all.find(&task);
  const PostponedForm postponed = found->second;
  all.erase(found);
  task.resume = &resume_task;
  const auto* innermost = reinterpret_cast<const coro_await*>(get(task.header->saved_sp));
  const SuspendedTask self{.coroutine = &task, .innermost = innermost};
  if (!postponed.suspend(postponed.form, self)) resume_task(task);
}

// The running fiber, if its scheduler is deterministic, and its worker; or nullptr.
Fiber* deterministic_fiber(Worker*& worker) noexcept {
  worker = current_worker();
  if (worker == nullptr || !worker->deterministic()) return nullptr;
  Coroutine* self = worker->current();
  return self != nullptr && self->resume == nullptr ? static_cast<Fiber*>(self) : nullptr;
}

}  // namespace

DeterministicState::DeterministicState(const Deterministic& options)
    : seed(options.seed), threshold_(threshold(options.switch_probability)) {
  deterministic_schedulers.fetch_add(1, std::memory_order_relaxed);
}

DeterministicState::~DeterministicState() {
  deterministic_schedulers.fetch_sub(1, std::memory_order_relaxed);
}

Coroutine* DeterministicState::take(std::uint32_t index) noexcept {
  Coroutine* chosen = runnable[index];
  runnable[index] = runnable.back();
  runnable.pop_back();
  return chosen;
}

std::string describe_deadlock(SchedulerCore& scheduler) {
  std::vector<const coro_header*> parked = parked_coroutines(scheduler);
  std::ranges::sort(parked, {}, [](const coro_header* header) { return header->id; });
  std::ostringstream text;
  text << "coro: deadlock: all coroutines are asleep, and no timer or socket will wake one (seed "
       << scheduler.deterministic()->seed << ")";
  for (std::size_t i = 0; i < std::min(parked.size(), listed_most); ++i) {
    const coro_header& header = *parked[i];
    text << "\n  coroutine " << header.id << ": " << reason_name(header.reason);
    if (header.object != 0) text << " on 0x" << std::hex << header.object << std::dec;
  }
  if (parked.size() > listed_most) text << "\n  and " << parked.size() - listed_most << " more";
  return text.str();
}

void scheduling_point_slow() noexcept {
  Worker* worker = nullptr;
  if (Fiber* self = deterministic_fiber(worker)) worker->point(*self);
}

void looking_point_slow() noexcept {
  Worker* worker = nullptr;
  if (Fiber* self = deterministic_fiber(worker)) worker->look(*self);
}

void note_progress_slow() noexcept {
  Worker* worker = current_worker();
  if (worker == nullptr || !worker->deterministic()) return;
  worker->scheduler().deterministic()->idle_yields = 0;
}

bool postpone(SuspendedTask self, bool (*suspend)(void* form, SuspendedTask self) noexcept,
              void* form) noexcept {
  Coroutine& task = *self.coroutine;
  Worker& worker = *current_worker();
  task.scheduler->deterministic()->idle_yields = 0;
  if (!worker.switches_here()) return false;
  task.scheduler->deterministic()->postponed[&task] = {.suspend = suspend, .form = form};
  task.resume = &resume_postponed;
  publish_saved(*task.header, self.innermost, CORO_STATE_RUNNABLE);
  worker.push(task);
  return true;
}

void Worker::point(Fiber& self) noexcept {
  std::uint64_t& idle_yields = scheduler_.deterministic()->idle_yields;
  idle_yields = 0;
  if (switches_here()) leave(self, Leave::yield);
  idle_yields = 0;
}

void Worker::look(Fiber& self) noexcept {
  if (!switches_here()) return;
  --scheduler_.deterministic()->idle_yields;  // leave() takes it for one
  leave(self, Leave::yield);
}

bool Worker::switches_here() noexcept {
  const DeterministicState& state = *scheduler_.deterministic();
  const bool others = !state.runnable.empty() || !queue_.empty() || scheduler_.global_waiting();
  return others && state.switches(random());
}

// What became runnable since the last time, and what time and sockets make so.
void Worker::collect_runnable(DeterministicState& state) {
  if (scheduler_.timers().next() <= state.now) poll_now(false);
  if (state.looks_left-- == 0) {
    state.looks_left = fairness_runs;
    if (scheduler_.poller().in_use()) poll_now(true);
  }
  CoroutineList global = scheduler_.take_global(std::numeric_limits<std::size_t>::max());
  while (Coroutine* coroutine = global.pop_front()) state.runnable.push_back(coroutine);
  while (Coroutine* coroutine = queue_.pop(false)) state.runnable.push_back(coroutine);
}

// Nothing is runnable, or what is only yields. False: and never will be.
bool Worker::let_time_pass(DeterministicState& state) {
  state.idle_yields = 0;
  const std::uint64_t next = scheduler_.timers().next();
  if (waits_for_sockets(scheduler_)) {
    Expired ready;
    scheduler_.poller().sleep(next == Timers::never ? socket_wait_ns : socket_grace_ns,
                              ready.coroutines);
    if (wake_expired(ready) || next == Timers::never) return true;
  }
  if (next == Timers::never) return false;
  state.now = std::max(state.now, next);
  return true;
}

Coroutine* Worker::find_chosen(bool (*until)(void*), void* argument) {
  DeterministicState& state = *scheduler_.deterministic();
  while (!scheduler_.stopping()) {
    if (until(argument)) return nullptr;
    if (state.deadlock) return nullptr;
    collect_runnable(state);
    const std::size_t count = state.runnable.size();
    if (count != 0 && state.idle_yields <= idle_yields_each * count) {
      return state.take(SchedulerCore::random_below(static_cast<std::uint32_t>(count)));
    }
    if (!let_time_pass(state) && count == 0) state.deadlock = describe_deadlock(scheduler_);
  }
  return nullptr;
}

}  // namespace coro::detail
