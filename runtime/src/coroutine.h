// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "coro/abi.h"

namespace coro::detail {

class SchedulerCore;

// Coroutine is what a scheduler runs: a Fiber, or the root of a chain of tasks.
// At any time one party owns it: the worker that runs it, the queue that it is
// in, or whoever took it off a wait list.
struct Coroutine {
  coro_header* header = nullptr;
  SchedulerCore* scheduler = nullptr;
  Coroutine* next = nullptr;  // in a global queue or a pool
  // Continues a task, on the worker's own stack; nullptr: it is a Fiber.
  void (*resume)(Coroutine&) noexcept = nullptr;
};

// IntrusiveList is a singly linked list through Coroutine::next.
template <class Node>
class IntrusiveList {
 public:
  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  void push_front(Node& node) noexcept {
    node.next = head_;
    head_ = &node;
    if (tail_ == nullptr) tail_ = &node;
    ++size_;
  }

  void push_back(Node& node) noexcept {
    node.next = nullptr;
    if (tail_ != nullptr) {
      tail_->next = &node;
    } else {
      head_ = &node;
    }
    tail_ = &node;
    ++size_;
  }

  Node* pop_front() noexcept {
    Node* first = head_;
    if (first == nullptr) return nullptr;
    head_ = static_cast<Node*>(first->next);
    if (head_ == nullptr) tail_ = nullptr;
    --size_;
    return first;
  }

 private:
  Node* head_ = nullptr;
  Node* tail_ = nullptr;
  std::size_t size_ = 0;
};

using CoroutineList = IntrusiveList<Coroutine>;

}  // namespace coro::detail
