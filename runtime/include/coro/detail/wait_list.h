// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace coro::detail {

struct Coroutine;

// Selection decides which of several events wakes a coroutine that waits for all
// of them, by a compare-and-swap of the first one.
class Selection {
 public:
  // True for one caller only. `event` identifies it: a Waiter or a TimerEntry.
  bool claim(const void* event) noexcept {
    const void* none = nullptr;
    return winner_.compare_exchange_strong(none, event, std::memory_order_acq_rel,
                                           std::memory_order_relaxed);
  }

  // The event that was the first, nullptr: none so far.
  [[nodiscard]] const void* winner() const noexcept {
    return winner_.load(std::memory_order_acquire);
  }

 private:
  std::atomic<const void*> winner_{nullptr};
};

// Waiter is one coroutine in one object's wait list. It lies on the stack, or in
// the frame, of the coroutine that waits. Whoever takes it off the list owns it
// until it wakes the coroutine, and may not touch it afterwards.
struct Waiter {
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
  Coroutine* coroutine = nullptr;
  void* slot = nullptr;            // where the value is, or is to be put
  Selection* selection = nullptr;  // nullptr: it waits for nothing else
  bool listed = false;             // guarded by the object's lock
  bool completed = false;          // written by the waker: false means "closed"
};

// WaitList is a first-in, first-out list of waiters. The object's lock guards it.
class WaitList {
 public:
  constexpr WaitList() noexcept = default;

  // May be wrong about waiters that another event is just waking.
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  // The oldest, whether another event has woken it or not; nullptr: there is none.
  [[nodiscard]] Waiter* front() const noexcept { return head_; }

  void push(Waiter& waiter) noexcept {
    waiter.next = nullptr;
    waiter.previous = tail_;
    waiter.listed = true;
    (tail_ != nullptr ? tail_->next : head_) = &waiter;
    tail_ = &waiter;
    ++size_;
  }

  // Takes off the oldest waiter that no other event has woken, and claims it;
  // nullptr: there is none.
  Waiter* pop() noexcept {
    while (Waiter* first = head_) {
      remove(*first);
      if (first->selection == nullptr || first->selection->claim(first)) return first;
    }
    return nullptr;
  }

  // Takes off a waiter that may already be off the list.
  void remove(Waiter& waiter) noexcept {
    if (!waiter.listed) return;
    (waiter.previous != nullptr ? waiter.previous->next : head_) = waiter.next;
    (waiter.next != nullptr ? waiter.next->previous : tail_) = waiter.previous;
    waiter.listed = false;
    --size_;
  }

  // Takes off the waiters of one coroutine, which will never run again.
  void remove_of(const Coroutine& coroutine) noexcept {
    for (Waiter* waiter = head_; waiter != nullptr;) {
      Waiter* next = waiter->next;
      if (waiter->coroutine == &coroutine) remove(*waiter);
      waiter = next;
    }
  }

  // Takes off all waiters that pop() would return, chained by `next`, in order.
  Waiter* take_all() noexcept {
    Waiter* first = nullptr;
    Waiter** end = &first;
    while (Waiter* waiter = pop()) {
      *end = waiter;
      end = &waiter->next;
    }
    *end = nullptr;
    return first;
  }

 private:
  Waiter* head_ = nullptr;
  Waiter* tail_ = nullptr;
  std::uint32_t size_ = 0;
};

}  // namespace coro::detail
