// SPDX-License-Identifier: Apache-2.0
#include "coro/timer.h"

#include <mutex>
#include <optional>

#include "coro/detail/spawn.h"
#include "coro/error.h"
#include "deterministic.h"
#include "park.h"
#include "scheduler_core.h"
#include "timer_core.h"

namespace coro {
namespace detail {
namespace {

constexpr std::uint64_t retry_after = 1'000'000;  // nanoseconds

SchedulerCore& running_scheduler() {
  const Coroutine* self = current_coroutine();
  if (self == nullptr) {
    throw UsageError(
        "coro: a timer was made outside of a coroutine, whose scheduler would keep the time: make "
        "it in a function that Scheduler::run, Scheduler::go or coro::go runs");
  }
  return *self->scheduler;
}

void require_positive(std::chrono::nanoseconds period) {
  if (period.count() <= 0) throw UsageError("coro: a Ticker's period has to be positive");
}

// Without waiting, under the caller's lock: not a scheduling point.
void send_now(const Channel<TimePoint>& channel, TimePoint time, Waiter*& receiver) noexcept {
  ChannelCore& core = *core_of(channel);
  const std::lock_guard guard(core.lock());
  core.try_case(true, &time, receiver);
}

void take_back(const Channel<TimePoint>& channel) noexcept {
  ChannelCore* core = core_of(channel);
  if (core == nullptr) return;
  std::optional<TimePoint> dropped;
  Waiter* nobody = nullptr;
  const std::lock_guard guard(core->lock());
  core->try_case(false, &dropped, nobody);
}

std::shared_ptr<TimerCore> start_timer(std::chrono::nanoseconds duration,
                                       std::chrono::nanoseconds period, std::function<void()> f) {
  auto core = std::make_shared<TimerCore>(running_scheduler(), period, std::move(f));
  core->start(duration, period);
  return core;
}

}  // namespace

TimerCore::TimerCore(SchedulerCore& scheduler, std::chrono::nanoseconds period,
                     std::function<void()> f)
    : scheduler_(&scheduler),
      period_(static_cast<std::uint64_t>(period.count())),
      channel_(f ? Channel<TimePoint>() : Channel<TimePoint>(1)),
      function_(std::move(f)) {
  busy_.timer = this;
  busy_.entry.retain = [](TimerEntry&) noexcept {};  // kept since it was armed
  busy_.entry.fire = &fire;
}

void TimerCore::arm_locked() noexcept {
  keeper_ = shared_from_this();
  busy_.entry.deadline = deadline_;
  scheduler_->arm(busy_.entry);
  publish_locked(deadline_);
}

void TimerCore::publish_locked(std::uint64_t deadline) noexcept {
  if (ChannelCore* core = core_of(channel_)) core->publish_deadline(deadline);
}

bool TimerCore::stop_locked(Keeper& keeper) noexcept {
  const bool was_active = active_;
  active_ = false;
  publish_locked(0);
  if (keeper_ != nullptr && scheduler_ != nullptr && scheduler_->timers().cancel(busy_.entry)) {
    keeper = std::move(keeper_);
    keeper_ = nullptr;
  }
  take_back(channel_);
  return was_active;
}

bool TimerCore::stop() noexcept {
  scheduling_point();
  Keeper keeper;  // goes after the lock
  const std::lock_guard guard(lock_);
  return stop_locked(keeper);
}

bool TimerCore::start(std::chrono::nanoseconds duration, std::chrono::nanoseconds period) noexcept {
  scheduling_point();
  Keeper keeper;
  const std::lock_guard guard(lock_);
  const bool was_active = stop_locked(keeper);
  if (scheduler_ == nullptr) return was_active;
  deadline_ = scheduler_->deadline_after(duration);
  period_ = static_cast<std::uint64_t>(period.count());
  active_ = true;
  if (keeper_ == nullptr) arm_locked();  // else fire() is on its way, and arms it
  return was_active;
}

// Its time has come. True: the function is to be run.
bool TimerCore::expire_locked(Waiter*& receiver) noexcept {
  const std::uint64_t now = scheduler_->now();
  active_ = period_ != 0;
  if (active_) {
    deadline_ += period_ * (1 + (now - deadline_) / period_);
    arm_locked();
  }
  if (function_) return true;
  send_now(channel_, TimePoint(std::chrono::nanoseconds(now)), receiver);
  return false;
}

void TimerCore::fire(TimerEntry& entry) noexcept {
  TimerCore& self = *reinterpret_cast<Busy&>(entry).timer;
  Keeper keeper;
  Waiter* receiver = nullptr;
  bool runs = false;
  {
    const std::lock_guard guard(self.lock_);
    keeper = std::move(self.keeper_);
    self.keeper_ = nullptr;
    if (self.scheduler_->stopping()) {
      self.scheduler_ = nullptr;  // it is about to be gone
      self.active_ = false;
    } else if (self.active_ && self.deadline_ > self.scheduler_->now()) {
      self.arm_locked();  // it was reset meanwhile
    } else if (self.active_) {
      runs = self.expire_locked(receiver);
    }
    if (!self.active_) self.publish_locked(0);
  }
  if (receiver != nullptr) unpark(*receiver->coroutine);
  if (!runs) return;
  try {
    run_function(keeper);
  } catch (...) {
    self.try_again_later();  // there is no stack for it now
  }
}

void TimerCore::run_function(const Keeper& keeper) {
  spawn(keeper->scheduler_, [keeper] { keeper->function_(); });
}

void TimerCore::try_again_later() noexcept {
  const std::lock_guard guard(lock_);
  if (active_) return;  // it was reset
  active_ = true;
  deadline_ = scheduler_->now() + retry_after;
  if (keeper_ == nullptr) arm_locked();
}

}  // namespace detail

// Timer

Timer::Timer(std::chrono::nanoseconds duration)
    : core_(detail::start_timer(duration, std::chrono::nanoseconds(0), nullptr)) {}

Timer Timer::after_func(std::chrono::nanoseconds duration, std::function<void()> f) {
  if (!f) throw UsageError("coro: Timer::after_func needs a function");
  return Timer(detail::start_timer(duration, std::chrono::nanoseconds(0), std::move(f)));
}

Timer::~Timer() {
  stop();
}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this == &other) return *this;
  stop();
  core_ = std::move(other.core_);
  return *this;
}

namespace {

const Channel<TimePoint>& channel_of(const std::shared_ptr<detail::TimerCore>& core) noexcept {
  static const Channel<TimePoint> nil;
  return core == nullptr ? nil : core->channel();
}

}  // namespace

const Channel<TimePoint>& Timer::channel() const noexcept {
  return channel_of(core_);
}

bool Timer::stop() noexcept {
  return core_ != nullptr && core_->stop();
}

bool Timer::reset(std::chrono::nanoseconds duration) noexcept {
  return core_ != nullptr && core_->start(duration, std::chrono::nanoseconds(0));
}

// Ticker

Ticker::Ticker(std::chrono::nanoseconds period) {
  detail::require_positive(period);
  core_ = detail::start_timer(period, period, nullptr);
}

Ticker::~Ticker() {
  stop();
}

Ticker& Ticker::operator=(Ticker&& other) noexcept {
  if (this == &other) return *this;
  stop();
  core_ = std::move(other.core_);
  return *this;
}

const Channel<TimePoint>& Ticker::channel() const noexcept {
  return channel_of(core_);
}

void Ticker::stop() noexcept {
  if (core_ != nullptr) core_->stop();
}

void Ticker::reset(std::chrono::nanoseconds period) {
  detail::require_positive(period);
  if (core_ != nullptr) core_->start(period, period);
}

Channel<TimePoint> after(std::chrono::nanoseconds duration) {
  Timer timer(duration);
  Channel<TimePoint> channel = timer.channel();
  timer.detach();
  return channel;
}

}  // namespace coro
