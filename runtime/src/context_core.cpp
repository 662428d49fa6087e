// SPDX-License-Identifier: Apache-2.0
#include "context_core.h"

#include <mutex>
#include <type_traits>
#include <utility>

#include "park.h"
#include "scheduler_core.h"

namespace coro::detail {

ContextCore::ContextCore(ContextCore* parent)
    : object_(new_object(CORO_OBJECT_CONTEXT)), parent_(parent), source_(this) {
  static_assert(std::is_standard_layout_v<ContextCore>, "object_ has to lie at offset 0");
  if (parent == nullptr) return;
  parent->retain();
  above_ = parent->source_;
  if (above_ != nullptr) set_deadline(above_->deadline_);
}

ContextCore::ContextCore(ContextCore* parent, const void* key, std::shared_ptr<const void> value)
    : object_(new_object(CORO_OBJECT_CONTEXT)),
      parent_(parent),
      key_(key),
      value_(std::move(value)) {
  if (parent == nullptr) return;
  parent->retain();
  source_ = parent->source_;
}

void ContextCore::set_deadline(std::uint64_t deadline) noexcept {
  deadline_ = deadline;
  object_.deadline_ns = deadline == Timers::never ? 0 : deadline;
}

void ContextCore::attach() noexcept {
  if (above_ == nullptr) return;
  const std::lock_guard guard(above_->tree_lock_);
  if (above_->error() != ContextError::none) {
    cause_ = above_->cause_;
    object_.closed = 1;
    error_.store(above_->error(), std::memory_order_release);
    return;
  }
  next_ = above_->first_child_;
  if (next_ != nullptr) next_->previous_ = this;
  above_->first_child_ = this;
  listed_ = true;
}

void ContextCore::remove_child(ContextCore& child) noexcept {
  if (!child.listed_) return;
  (child.previous_ != nullptr ? child.previous_->next_ : first_child_) = child.next_;
  if (child.next_ != nullptr) child.next_->previous_ = child.previous_;
  child.next_ = child.previous_ = nullptr;
  child.listed_ = false;
}

std::uint32_t ContextCore::children() noexcept {
  const std::lock_guard guard(tree_lock_);
  std::uint32_t count = 0;
  for (const ContextCore* child = first_child_; child != nullptr; child = child->next_) ++count;
  return count;
}

void ContextCore::arm(SchedulerCore& scheduler, std::uint64_t deadline) noexcept {
  set_deadline(deadline);
  if (deadline <= scheduler.now()) return end(ContextError::deadline_exceeded, nullptr);
  const std::lock_guard guard(tree_lock_);
  if (error() != ContextError::none) return;  // with its parent, meanwhile
  retain();
  scheduler_ = &scheduler;
  timer_.context = this;
  timer_.entry.deadline = deadline;
  timer_.entry.retain = [](TimerEntry&) noexcept {};  // the armed timer has a reference already
  timer_.entry.fire = &fire;
  scheduler.arm(timer_.entry);
}

void ContextCore::fire(TimerEntry& entry) noexcept {
  ContextCore& context = *reinterpret_cast<Timer&>(entry).context;
  if (context.scheduler_->stopping()) {
    const std::lock_guard guard(context.tree_lock_);
    context.scheduler_ = nullptr;  // it is about to be gone, and never keeps the time again
  } else {
    context.end(ContextError::deadline_exceeded, nullptr);
  }
  context.release();
}

void ContextCore::Aftermath::release_later(ContextCore& context) noexcept {
  context.link_ = released;
  released = &context;
}

// Ends one node. The caller holds its tree_lock_.
void ContextCore::end_locked(ContextError error, const std::exception_ptr& cause,
                             Aftermath& after) noexcept {
  cause_ = cause;
  error_.store(error, std::memory_order_release);
  if (scheduler_ != nullptr && scheduler_->timers().cancel(timer_.entry))
    after.release_later(*this);
  const std::lock_guard guard(wait_lock_);
  object_.closed = 1;
  object_.waiting_receivers = 0;
  *after.woken_end = waiters_.take_all();
  while (*after.woken_end != nullptr) after.woken_end = &(*after.woken_end)->next;
}

// Ends the node, whose tree_lock_ the caller holds, after all below it, so that
// whoever sees that it has ended sees that they have: depth first, with the path
// down to where it is locked.
void ContextCore::end_tree(ContextError error, const std::exception_ptr& cause,
                           Aftermath& after) noexcept {
  ContextCore* node = this;
  for (;;) {
    if (ContextCore* child = node->first_child_) {
      node->remove_child(*child);
      child->tree_lock_.lock();
      if (child->error() != ContextError::none) {  // and all below it, by itself
        child->tree_lock_.unlock();
        continue;
      }
      node = child;
      continue;
    }
    node->end_locked(error, cause, after);
    if (node == this) return;
    ContextCore* up = node->above_;
    node->tree_lock_.unlock();
    if (node->orphan_) {  // ours from now on
      node->above_ = nullptr;
      node->references_.store(1, std::memory_order_relaxed);
      after.release_later(*node);
    }
    node = up;
  }
}

void ContextCore::end(ContextError error, const std::exception_ptr& cause) noexcept {
  Aftermath after;
  {
    const std::lock_guard guard(tree_lock_);
    if (this->error() != ContextError::none) return;
    end_tree(error, cause, after);
  }
  if (above_ != nullptr) {
    const std::lock_guard guard(above_->tree_lock_);
    above_->remove_child(*this);
  }
  while (Waiter* waiter = after.woken) {
    after.woken = waiter->next;  // a waiter is gone once it is awake
    unpark(*waiter->coroutine);
  }
  while (ContextCore* context = after.released) {
    after.released = context->link_;
    context->release();
  }
}

ContextCore::Dropped ContextCore::drop_reference() noexcept {
  if (above_ == nullptr) {
    const bool last = references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    return last ? Dropped::last : Dropped::others_left;
  }
  std::uint32_t count = references_.load(std::memory_order_relaxed);
  while (count > 1) {
    if (references_.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel)) {
      return Dropped::others_left;
    }
  }
  const std::lock_guard guard(above_->tree_lock_);
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return Dropped::others_left;
  if (!listed_) return Dropped::last;
  orphan_ = true;
  parent_ = nullptr;
  return Dropped::orphaned;
}

// By loops, as a chain of contexts may be longer than a stack.
void ContextCore::release() noexcept {
  ContextCore* node = this;
  while (node != nullptr) {
    ContextCore* parent = node->parent_;
    const Dropped dropped = node->drop_reference();
    if (dropped == Dropped::others_left) return;
    if (dropped == Dropped::last) node->destroy_with_orphans();
    node = parent;
  }
}

void ContextCore::destroy_with_orphans() noexcept {
  link_ = nullptr;
  for (ContextCore* node = this; node != nullptr;) {
    ContextCore* rest = node->link_;
    while (ContextCore* child = node->first_child_) {
      node->first_child_ = child->next_;
      child->link_ = rest;
      rest = child;
    }
    delete node;
    node = rest;
  }
}

void ContextCore::add_waiter(Waiter& waiter) noexcept {
  waiters_.push(waiter);
  object_.waiting_receivers = waiters_.size();
}

void ContextCore::remove_waiter(Waiter& waiter) noexcept {
  waiters_.remove(waiter);
  object_.waiting_receivers = waiters_.size();
}

void ContextCore::wait() {
  Fiber& self = this_fiber();
  wait_lock_.lock();
  if (ended()) {
    wait_lock_.unlock();
    return;
  }
  Waiter waiter;
  waiter.coroutine = &self;
  add_waiter(waiter);
  park(self, CORO_REASON_CHAN_RECEIVE, this, wait_lock_);
}

const void* ContextCore::find(const void* key) const noexcept {
  for (const ContextCore* node = this; node != nullptr; node = node->parent_) {
    if (node->key_ == key) return node->value_.get();
  }
  return nullptr;
}

}  // namespace coro::detail
