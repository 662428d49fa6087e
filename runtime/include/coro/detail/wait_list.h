// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace coro::detail {

struct Fiber;

// Waiter is one coroutine in one object's wait list. It lives on the stack of
// the coroutine that waits; whoever takes it off the list owns it until it
// wakes the coroutine, and may not touch it afterwards.
struct Waiter {
  Waiter* next = nullptr;
  Fiber* fiber = nullptr;
  void* slot = nullptr;    // where the value is, or is to be put
  bool completed = false;  // written by the waker: false means "closed"
};

// WaitList is a first-in, first-out list of waiters. The object's lock guards it.
class WaitList {
 public:
  constexpr WaitList() noexcept = default;

  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

  void push(Waiter& waiter) noexcept {
    waiter.next = nullptr;
    (tail_ != nullptr ? tail_->next : head_) = &waiter;
    tail_ = &waiter;
    ++size_;
  }

  // The oldest waiter, or nullptr.
  Waiter* pop() noexcept {
    Waiter* first = head_;
    if (first == nullptr) return nullptr;
    head_ = first->next;
    if (head_ == nullptr) tail_ = nullptr;
    --size_;
    return first;
  }

  // Takes all waiters, chained by `next`.
  Waiter* take_all() noexcept {
    Waiter* first = head_;
    *this = WaitList();
    return first;
  }

 private:
  Waiter* head_ = nullptr;
  Waiter* tail_ = nullptr;
  std::uint32_t size_ = 0;
};

}  // namespace coro::detail
