// SPDX-License-Identifier: Apache-2.0
// A worker running fibers; looking for them is in worker_search.cpp.
#include "worker.h"

#include <cxxabi.h>

#include <cerrno>

#include "context.h"
#include "depot.h"
#include "lifecycle.h"
#include "park.h"
#include "scheduler_core.h"

#if defined(__clang__)
#define CORO_OPAQUE __attribute__((noinline))
#else
#define CORO_OPAQUE __attribute__((noinline, noipa))
#endif

namespace coro::detail {
namespace {

__attribute__((tls_model("initial-exec"))) thread_local Worker* this_worker = nullptr;

constexpr std::size_t pooled_most = 128;
constexpr std::size_t pooled_refill = 32;
constexpr std::uint64_t id_block = 64;

constinit std::atomic<std::uint64_t> next_free_id{1};

}  // namespace

CORO_OPAQUE Worker* current_worker() noexcept {
  asm volatile("");
  return this_worker;
}

CORO_OPAQUE int thread_errno() noexcept {
  asm volatile("");
  return errno;
}

Fiber* current_fiber() noexcept {
  Worker* worker = current_worker();
  return worker == nullptr ? nullptr : worker->current();
}

std::uint64_t claim_ids(std::uint64_t count) noexcept {
  return next_free_id.fetch_add(count, std::memory_order_relaxed);
}

std::uint64_t Worker::next_id() noexcept {
  if (ids_next_ == ids_end_) {
    ids_next_ = claim_ids(id_block);
    ids_end_ = ids_next_ + id_block;
  }
  return ids_next_++;
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

// Part of run(), for the reason given at leave().
[[gnu::always_inline]] inline void Worker::execute(Fiber& fiber) noexcept {
  current_ = &fiber;
  publish_running(fiber);
  *exceptions_ = fiber.exceptions;
  sanitizer_.leave_for(fiber.sanitizer);
  coro_switch(&saved_sp_, fiber.saved_sp);
  sanitizer_.arrive();
  fiber.exceptions = *exceptions_;
  *exceptions_ = ExceptionState();
  current_ = nullptr;
  switch (fiber.leave) {
    case Leave::yield:
      publish_saved(fiber, CORO_STATE_RUNNABLE);
      push(fiber);
      break;
    case Leave::park:
      finish_park(fiber);
      break;
    case Leave::exit:
      finish_exit(fiber);
      break;
  }
}

void Worker::run() {
  this_worker = this;
  exceptions_ = reinterpret_cast<ExceptionState*>(abi::__cxa_get_globals());
  const StackBounds bounds = thread_stack_bounds();
  sanitizer_.adopt_thread(reinterpret_cast<const void*>(bounds.low), bounds.high - bounds.low);
  while (Fiber* fiber = find_runnable()) execute(*fiber);
  this_worker = nullptr;
}

void Worker::finish_park(Fiber& fiber) noexcept {
  publish_saved(fiber, CORO_STATE_PARKED);
  Wake seen = Wake::parking;
  if (fiber.wake.compare_exchange_strong(seen, Wake::parked, std::memory_order_acq_rel)) {
    return;  // no longer ours
  }
  // Its waker came before the context was saved, and left the rest to us.
  publish_unpark(fiber, fiber.waker_id);
  push(fiber);
}

void Worker::finish_exit(Fiber& fiber) noexcept {
  publish_free(fiber);
  fiber.sanitizer.destroy();
  fiber.live = false;
  give_fiber(fiber);
  exited_.store(exited_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

void Worker::arrive(Fiber& fiber) noexcept {
  fiber.sanitizer.arrive();
}

void Worker::push(Fiber& fiber) noexcept {
  if (!queue_.push(fiber)) [[unlikely]] {
    FiberList overflow;
    queue_.pop_half(overflow);
    overflow.push_back(fiber);
    scheduler_.push_global(overflow);
  }
  // With one worker nobody can be idle while we are here.
  if (!scheduler_.alone()) scheduler_.notify_work();
}

Fiber& Worker::take_fiber() {
  if (pooled_.empty()) scheduler_.stacks().take(pooled_, pooled_refill);
  return *pooled_.pop_front();
}

void Worker::give_fiber(Fiber& fiber) noexcept {
  pooled_.push_front(fiber);
  if (pooled_.size() > pooled_most) scheduler_.stacks().give(pooled_, pooled_most / 2);
}

Fiber& prepare_park() {
  Fiber* self = current_fiber();
  if (self == nullptr) [[unlikely]]
    throw_outside();
  self->wake.store(Wake::parking, std::memory_order_relaxed);
  return *self;
}

void cancel_park(Fiber& self) noexcept {
  self.wake.store(Wake::none, std::memory_order_relaxed);
}

void unpark(Fiber& fiber) noexcept {
  Fiber* waker = current_fiber();
  const std::uint64_t waker_id = waker == nullptr ? 0 : get(waker->header->id);
  // Once it is parked only its one waker changes the word: nothing to race with,
  // so no interlocked instruction.
  if (fiber.wake.load(std::memory_order_acquire) == Wake::parked) {
    fiber.wake.store(Wake::notified, std::memory_order_relaxed);
  } else {
    fiber.waker_id = waker_id;
    if (fiber.wake.exchange(Wake::notified, std::memory_order_acq_rel) != Wake::parked) return;
  }
  publish_unpark(fiber, waker_id);
  fiber.scheduler->make_runnable(fiber);
}

}  // namespace coro::detail
