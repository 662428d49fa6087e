// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "coro/abi.h"
#include "sanitizer.h"

namespace coro::detail {

class SchedulerCore;
struct Socket;

// The race between going to sleep and being woken is decided by one word.
enum class Wake : std::uint32_t {
  none,      // not waiting
  parking,   // in a wait list; its context is not saved yet
  parked,    // context saved: whoever wakes it owns its header
  notified,  // woken
};

// Why control comes back from a fiber to its worker.
enum class Leave : std::uint8_t { yield, park, exit };

// What libstdc++ keeps per thread about exceptions in flight; a fiber that waits
// inside of a catch block takes its own along.
struct ExceptionState {
  void* caught = nullptr;
  std::uintptr_t uncaught = 0;
};

// Fiber is a coroutine with a stack. It lies at the upper end of its own stack,
// so that a parked coroutine touches few pages, and keeps its table slot while
// it rests in the pool. At any time one party owns it: the worker that runs it,
// the queue that it is in, or whoever took it off a wait list.
struct Fiber {
  void* saved_sp = nullptr;
  coro_header* header = nullptr;
  std::atomic<Wake> wake{Wake::none};
  Leave leave = Leave::yield;
  bool live = false;  // between launch and exit
  SchedulerCore* scheduler = nullptr;
  Fiber* next = nullptr;       // in a global queue or a pool
  std::uint64_t waker_id = 0;  // who notified last; 0: no coroutine
  Socket* io = nullptr;        // that it waits for, and keeps from being closed
  void (*run)(void*) = nullptr;
  void* closure = nullptr;
  ExceptionState exceptions;
  SanitizerContext sanitizer;
  std::byte* stack_low = nullptr;   // lowest usable address
  std::byte* stack_high = nullptr;  // one past the highest: below this object
};

// FiberList is a singly linked list through Fiber::next.
class FiberList {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void push_front(Fiber& fiber) noexcept {
    fiber.next = head_;
    head_ = &fiber;
    if (tail_ == nullptr) tail_ = &fiber;
    ++size_;
  }

  void push_back(Fiber& fiber) noexcept {
    fiber.next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = &fiber;
    tail_ = &fiber;
    ++size_;
  }

  Fiber* pop_front() noexcept {
    Fiber* first = head_;
    if (first == nullptr) return nullptr;
    head_ = first->next;
    if (head_ == nullptr) tail_ = nullptr;
    --size_;
    return first;
  }

 private:
  Fiber* head_ = nullptr;
  Fiber* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace coro::detail
