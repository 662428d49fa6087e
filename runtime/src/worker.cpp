// SPDX-License-Identifier: Apache-2.0
// A worker running coroutines; looking for them is in worker_search.cpp.
#include "worker.h"

#include <cerrno>
#include <span>

#include "park.h"
#include "scheduler_core.h"

#if defined(__clang__)
#define CORO_OPAQUE __attribute__((noinline))
#else
#define CORO_OPAQUE __attribute__((noinline, noipa))
#endif

namespace coro::detail {

extern "C" {
__attribute__((tls_model("initial-exec"))) __thread Worker* coro_this_worker = nullptr;
}

namespace {

constexpr std::size_t pooled_most = 128;
constexpr std::size_t pooled_refill = 32;
constexpr std::size_t pooled_tasks_most = 256;
constexpr std::uint64_t id_block = 64;

constinit std::atomic<std::uint64_t> next_free_id{1};

}  // namespace

#if !defined(__x86_64__)
CORO_OPAQUE Worker* current_worker() noexcept {
  asm volatile("");
  return coro_this_worker;
}
#endif

CORO_OPAQUE int thread_errno() noexcept {
  asm volatile("");
  return errno;
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

bool Worker::run(Carrier& carrier, bool (*until)(void*), void* argument) {
  coro_this_worker = this;
  carrier_ = &carrier;
  exceptions_ = carrier.exceptions;
  while (Coroutine* coroutine = find_runnable(until, argument)) {
    if (!execute(*coroutine, carrier)) return false;
  }
  stop_spinning();
  events_.flush();
  coro_this_worker = nullptr;
  carrier_ = nullptr;
  return true;
}

// Part of run(), for the reason given at leave(). False: the worker went to
// another carrier meanwhile, and nothing of it may be touched.
[[gnu::always_inline]] inline bool Worker::execute(Coroutine& coroutine,
                                                   Carrier& carrier) noexcept {
  begin(coroutine);
  if (coroutine.resume != nullptr) {
    coroutine.resume(coroutine);
    current_ = nullptr;
    return true;
  }
  auto& fiber = static_cast<Fiber&>(coroutine);
  *carrier.exceptions = fiber.exceptions;
  carrier.sanitizer.leave_for(fiber.sanitizer);
  coro_switch(&carrier.saved_sp, fiber.saved_sp);
  carrier.sanitizer.arrive();
  *carrier.exceptions = ExceptionState();
  if (carrier.unblocked != nullptr) return false;
  current_ = nullptr;
  settle();
  return true;
}

Carrier& Worker::detach() noexcept {
  Carrier& carrier = *carrier_;
  coro_this_worker = nullptr;
  carrier_ = nullptr;
  current_ = nullptr;
  put(queue_.running, std::uint64_t{0});
  count(queue_.handoffs);
  return carrier;
}

void Worker::finish_exit(Fiber& fiber) noexcept {
  publish_free(*fiber.header);
  fiber.sanitizer.destroy();
  fiber.live = false;
  give_fiber(fiber);
  count_exit();
}

void Worker::push_overflow(Coroutine& coroutine) noexcept {
  CoroutineList overflow;
  queue_.pop_half(overflow);
  overflow.push_back(coroutine);
  scheduler_.push_global(overflow);
}

void Worker::notify_work() noexcept {
  scheduler_.notify_work();
}

Fiber& Worker::take_fiber() {
  if (pooled_.empty()) {
    pooled_.reserve(pooled_most + 1);
    scheduler_.stacks().take(pooled_, pooled_refill);
  }
  Fiber& fiber = *pooled_.back();
  pooled_.pop_back();
  return fiber;
}

void Worker::give_fiber(Fiber& fiber) noexcept {
  if (pooled_.size() >= pooled_.capacity()) {
    const std::size_t kept = pooled_.size() / 2;
    scheduler_.stacks().give(std::span(pooled_).subspan(kept));
    pooled_.resize(kept);
  }
  if (pooled_.capacity() != 0) {
    pooled_.push_back(&fiber);
  } else {  // this worker has only run what others started
    Fiber* one = &fiber;
    scheduler_.stacks().give({&one, 1});
  }
}

Coroutine& Worker::take_task() {
  if (pooled_tasks_.empty()) scheduler_.tasks().take(pooled_tasks_, pooled_refill);
  return *pooled_tasks_.pop_front();
}

void Worker::give_task(Coroutine& task) noexcept {
  pooled_tasks_.push_front(task);
  if (pooled_tasks_.size() > pooled_tasks_most) {
    scheduler_.tasks().give(pooled_tasks_, pooled_tasks_most / 2);
  }
}

bool Worker::yield_task(Coroutine& self, const void* saved) noexcept {
  Worker& worker = *current_worker();
  if (worker.queue_.empty() && !worker.must_look()) {
    --worker.runs_left_;
    return false;
  }
  publish_saved(*self.header, saved, CORO_STATE_RUNNABLE);
  worker.push(self);
  return true;
}

void park_forever(Fiber& self, coro_reason reason) noexcept {
  const Commit nothing{.run = [](void*) noexcept {}, .argument = nullptr};
  for (;;) park(self, reason, nullptr, nothing);
}

void unpark(Coroutine& coroutine, std::uint64_t waker_id) noexcept {
  publish_unpark(*coroutine.header, waker_id);
  coroutine.scheduler->make_runnable(coroutine);
}

}  // namespace coro::detail
