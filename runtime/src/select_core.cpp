// SPDX-License-Identifier: Apache-2.0
#include "coro/detail/select_core.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>
#include <vector>

#include "context_core.h"
#include "coro/detail/channel_core.h"
#include "coro/error.h"
#include "coro/select.h"
#include "deterministic.h"
#include "park.h"
#include "scheduler_core.h"

namespace coro::detail {
namespace {

SelectCase make_case(coro_select_kind kind, const void* object, void* slot) noexcept {
  SelectCase made{};
  made.object = reinterpret_cast<std::uint64_t>(object);
  made.kind = kind;
  made.slot = slot;
  return made;
}

ChannelCore& channel_of(const SelectCase& one) noexcept {
  return *reinterpret_cast<ChannelCore*>(one.object);
}
ContextCore& context_of(const SelectCase& one) noexcept {
  return *reinterpret_cast<ContextCore*>(one.object);
}

SpinLock& lock_of(const SelectCase& one) noexcept {
  return one.kind == CORO_SELECT_DONE ? context_of(one).wait_lock() : channel_of(one).lock();
}

void add_waiter(SelectCase& one) noexcept {
  if (one.kind == CORO_SELECT_DONE) return context_of(one).add_waiter(one.waiter);
  channel_of(one).add_waiter(one.kind == CORO_SELECT_SEND, one.waiter);
}

void remove_waiter(SelectCase& one) noexcept {
  if (one.kind == CORO_SELECT_DONE) return context_of(one).remove_waiter(one.waiter);
  channel_of(one).remove_waiter(one.kind == CORO_SELECT_SEND, one.waiter);
}

// The n-th object to lock, nullptr: there is none, or it was the one before.
SelectCase* to_lock(std::span<SelectCase> cases, std::size_t n) noexcept {
  SelectCase& one = cases[cases[n].lock_place];
  if (one.object == 0) return nullptr;
  if (n > 0 && cases[cases[n - 1].lock_place].object == one.object) return nullptr;
  return &one;
}

}  // namespace

SelectCase SelectCase::send(ChannelCore* channel, void* value) noexcept {
  return make_case(CORO_SELECT_SEND, channel, value);
}
SelectCase SelectCase::receive(ChannelCore* channel, void* result) noexcept {
  return make_case(CORO_SELECT_RECEIVE, channel, result);
}
SelectCase SelectCase::done(ContextCore* context) noexcept {
  return make_case(CORO_SELECT_DONE, context, nullptr);
}

// Fisher and Yates: each order is as probable as any other.
void Select::shuffle(std::uint64_t random) noexcept {
  const std::size_t count = cases_.size();
  for (std::size_t i = 0; i < count; ++i) cases_[i].poll_place = static_cast<std::uint32_t>(i);
  for (std::size_t i = count; i > 1; --i) {
    std::swap(cases_[i - 1].poll_place, cases_[random % i].poll_place);
    random = random * 6364136223846793005u + 1442695040888963407u;
    random ^= random >> 33;
  }
}

void Select::order_locks() {
  if (cases_.size() > 64) {
    std::vector<std::uint32_t> numbers(cases_.size());
    std::iota(numbers.begin(), numbers.end(), 0u);
    std::sort(numbers.begin(), numbers.end(), [this](std::uint32_t a, std::uint32_t b) {
      return cases_[a].object < cases_[b].object;
    });
    for (std::size_t i = 0; i < numbers.size(); ++i) cases_[i].lock_place = numbers[i];
    return;
  }
  // By insertion: there are few, and mostly they are in order.
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    std::size_t place = i;
    for (; place > 0 && cases_[cases_[place - 1].lock_place].object > cases_[i].object; --place) {
      cases_[place].lock_place = cases_[place - 1].lock_place;
    }
    cases_[place].lock_place = static_cast<std::uint32_t>(i);
  }
}

void Select::lock_all() noexcept {
  for (std::size_t n = 0; n < cases_.size(); ++n) {
    if (SelectCase* one = to_lock(cases_, n)) lock_of(*one).lock();
  }
}

// From the last to the first. The cases are there as long as one is locked; who is
// woken by one that is not has to wait for the others.
void Select::unlock_all(std::span<SelectCase> cases) noexcept {
  SpinLock* next = nullptr;
  for (std::size_t n = cases.size(); n-- > 0;) {
    SelectCase* one = to_lock(cases, n);
    if (one == nullptr) continue;
    if (next != nullptr) next->unlock();
    next = &lock_of(*one);
  }
  if (next != nullptr) next->unlock();
}

bool Select::try_case(std::size_t number, Waiter*& partner) {
  SelectCase& one = cases_[number];
  if (one.object == 0) return false;
  if (one.kind == CORO_SELECT_DONE) {
    if (!context_of(one).ended()) return false;
  } else {
    const auto attempt = channel_of(one).try_case(one.kind == CORO_SELECT_SEND, one.slot, partner);
    if (attempt == ChannelCore::Attempt::blocked) return false;
    closed_ = attempt == ChannelCore::Attempt::closed;
  }
  chosen_ = number;
  return true;
}

bool Select::poll(SchedulerCore* waits_on) {
  Worker* worker = current_worker();
  shuffle(worker != nullptr ? worker->random() : 0);
  order_locks();
  lock_all();
  Waiter* partner = nullptr;
  for (std::size_t n = 0; n < cases_.size(); ++n) {
    if (!try_case(cases_[n].poll_place, partner)) continue;
    unlock_all(cases_);
    if (partner != nullptr) unpark(*partner->coroutine);
    return true;
  }
  const bool waits = waits_on != nullptr;
  if (waits && (deadline_ == Timers::never || deadline_ > waits_on->now())) return false;
  unlock_all(cases_);
  if (waits) chosen_ = timed_out;
  return waits;
}

void Select::enqueue(Coroutine& self) noexcept {
  for (SelectCase& one : cases_) {
    if (one.object == 0) continue;
    one.waiter = Waiter();  // it may have been used before
    one.waiter.coroutine = &self;
    one.waiter.slot = one.slot;
    one.waiter.selection = &selection_;
    add_waiter(one);
  }
  timer_.deadline = deadline_;
  timer_.coroutine = &self;
  timer_.selection = &selection_;
  waiting_ = true;
  published_.magic = CORO_SELECT_MAGIC;
  published_.count = static_cast<std::uint32_t>(cases_.size());
  published_.cases = reinterpret_cast<std::uint64_t>(cases_.data());
  published_.stride = sizeof(SelectCase);
  published_.deadline_ns = deadline_ == Timers::never ? 0 : deadline_;
}

void Select::release(void* select) noexcept {
  auto& self = *static_cast<Select*>(select);
  const std::span<SelectCase> cases = self.cases_;
  const bool locked = std::any_of(cases.begin(), cases.end(),
                                  [](const SelectCase& one) { return one.object != 0; });
  if (self.deadline_ != Timers::never) self.timer_.coroutine->scheduler->arm(self.timer_);
  if (locked) unlock_all(cases);  // without a lock the timer may have ended it all
}

void Select::finish() noexcept {
  if (!waiting_) return;
  waiting_ = false;
  const void* winner = selection_.winner();
  if (deadline_ != Timers::never && winner != &timer_) {
    timer_.coroutine->scheduler->timers().cancel(timer_);
  }
  if (winner == &timer_) chosen_ = timed_out;
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    SelectCase& one = cases_[i];
    if (one.object == 0) continue;
    if (&one.waiter == winner) {
      chosen_ = i;
      closed_ = one.kind != CORO_SELECT_DONE && !one.waiter.completed;
      continue;
    }
    SpinLock& lock = lock_of(one);
    lock.lock();
    remove_waiter(one);
    lock.unlock();
  }
}

// A task may be destroyed in its wait.
Select::~Select() {
  finish();
}

void run_select(Select& select, bool or_else, coro_reason reason) {
  if (or_else) {
    looking_point();
    if (select.poll(nullptr)) note_progress();
    return;
  }
  Fiber& self = this_fiber();
  if (select.poll(self.scheduler)) return;
  select.enqueue(self);
  park(self, reason, select.published(reason),
       Commit{.run = &Select::release, .argument = &select});
  select.finish();
}

bool suspend_select(Select& select, SuspendedTask self, bool or_else, coro_reason reason) noexcept {
  if (select.poll(or_else ? nullptr : self.coroutine->scheduler) || or_else) return false;
  select.enqueue(*self.coroutine);
  park_task(self, reason, select.published(reason));
  Select::release(&select);
  return true;
}

std::uint64_t select_deadline(std::chrono::nanoseconds duration) {
  const Coroutine* self = current_coroutine();
  if (self == nullptr) throw_outside();
  return self->scheduler->deadline_after(duration);
}

std::uint64_t select_deadline(std::chrono::steady_clock::time_point time) noexcept {
  const auto count = std::chrono::nanoseconds(time.time_since_epoch()).count();
  return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0)), Timers::never - 1);
}

void select_for_ever() {
  park_forever(this_fiber(), CORO_REASON_SELECT_NO_CASES);
}

void throw_closed_send() {
  throw ChannelClosed("coro: select sent on a closed channel, or on one closed meanwhile");
}

}  // namespace coro::detail

namespace coro {

std::size_t SelectCase::run(std::span<SelectCase> cases, std::uint64_t deadline, bool or_else) {
  static_assert(sizeof(SelectCase) == sizeof(detail::SelectCase));
  if (cases.empty() && deadline == detail::Timers::never && !or_else) detail::select_for_ever();
  detail::Select select({static_cast<detail::SelectCase*>(cases.data()), cases.size()}, deadline);
  detail::run_select(select, or_else);
  const std::size_t chosen = select.chosen();
  if (!select.closed()) return chosen;
  const detail::SelectCase& one = cases[chosen];
  if (one.kind == CORO_SELECT_SEND) detail::throw_closed_send();
  one.clear(one.slot);
  return chosen;
}

std::size_t select(std::span<SelectCase> cases) {
  return SelectCase::run(cases, detail::Timers::never, false);
}

std::optional<std::size_t> select_for(std::span<SelectCase> cases,
                                      std::chrono::nanoseconds duration) {
  const std::size_t chosen = SelectCase::run(cases, detail::select_deadline(duration), false);
  return chosen < cases.size() ? std::optional(chosen) : std::nullopt;
}

std::optional<std::size_t> try_select(std::span<SelectCase> cases) {
  const std::size_t chosen = SelectCase::run(cases, detail::Timers::never, true);
  return chosen < cases.size() ? std::optional(chosen) : std::nullopt;
}

}  // namespace coro
