// SPDX-License-Identifier: Apache-2.0
#include "timers.h"

#include <utility>

namespace coro::detail {
namespace {

bool is_before(const TimerEntry& a, const TimerEntry& b) noexcept {
  return a.deadline != b.deadline ? a.deadline < b.deadline : a.order < b.order;
}

// Joins two heaps; either may be nullptr.
TimerEntry* meld(TimerEntry* a, TimerEntry* b) noexcept {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  if (is_before(*b, *a)) std::swap(a, b);
  b->previous = a;
  b->sibling = a->child;
  if (b->sibling != nullptr) b->sibling->previous = b;
  a->child = b;
  return a;
}

// Joins a list of siblings in two passes: in pairs from left to right, then all
// from right to left.
TimerEntry* meld_siblings(TimerEntry* first) noexcept {
  TimerEntry* pairs = nullptr;
  while (first != nullptr) {
    TimerEntry* a = first;
    TimerEntry* b = a->sibling;
    first = b != nullptr ? b->sibling : nullptr;
    a->sibling = nullptr;
    if (b != nullptr) b->sibling = nullptr;
    TimerEntry* pair = meld(a, b);
    pair->sibling = pairs;
    pairs = pair;
  }
  TimerEntry* heap = nullptr;
  while (pairs != nullptr) {
    TimerEntry* next = std::exchange(pairs->sibling, nullptr);
    heap = meld(heap, pairs);
    pairs = next;
  }
  if (heap != nullptr) heap->previous = nullptr;
  return heap;
}

void expire(TimerEntry& entry, Expired& expired) noexcept {
  if (entry.coroutine != nullptr) {
    // The entry is gone as soon as somebody else wakes the coroutine, which takes
    // our lock on its way to cancel: not before we are through.
    if (entry.selection == nullptr || entry.selection->claim(&entry)) {
      expired.coroutines.push_back(*entry.coroutine);
    }
    return;
  }
  entry.retain(entry);
  entry.sibling = nullptr;
  TimerEntryList& list = expired.callbacks;
  (list.last != nullptr ? list.last->sibling : list.first) = &entry;
  list.last = &entry;
}

}  // namespace

bool Timers::add(TimerEntry& entry) noexcept {
  const std::lock_guard guard(mutex_);
  const std::uint64_t deadline = entry.deadline;
  entry.order = arrivals_++;
  entry.child = entry.sibling = entry.previous = nullptr;
  entry.armed = true;
  root_ = meld(root_, &entry);
  size_.store(size_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  update_next();
  return deadline < polling_until_.load(std::memory_order_relaxed);
}

bool Timers::cancel(TimerEntry& entry) noexcept {
  const std::lock_guard guard(mutex_);
  if (!entry.armed) return false;
  remove(entry);
  update_next();
  return true;
}

void Timers::remove(TimerEntry& entry) noexcept {
  TimerEntry* below = meld_siblings(entry.child);
  if (&entry == root_) {
    root_ = below;
  } else {
    TimerEntry* before = entry.previous;
    (before->child == &entry ? before->child : before->sibling) = entry.sibling;
    if (entry.sibling != nullptr) entry.sibling->previous = before;
    root_ = meld(root_, below);
  }
  entry.child = entry.sibling = entry.previous = nullptr;
  entry.armed = false;
  size_.store(size_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
}

void Timers::take_expired(std::uint64_t now, Expired& expired) noexcept {
  const std::lock_guard guard(mutex_);
  while (root_ != nullptr && root_->deadline <= now) {
    TimerEntry& due = *root_;
    remove(due);
    expire(due, expired);
  }
  update_next();
}

std::uint64_t Timers::begin_poll() noexcept {
  const std::lock_guard guard(mutex_);
  const std::uint64_t until = root_ == nullptr ? never : root_->deadline;
  polling_until_.store(until, std::memory_order_relaxed);
  return until;
}

void Timers::update_next() noexcept {
  next_.store(root_ == nullptr ? never : root_->deadline, std::memory_order_release);
}

}  // namespace coro::detail
