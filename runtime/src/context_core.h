// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>

#include "coro/abi.h"
#include "coro/context.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"
#include "timers.h"

namespace coro::detail {

class SchedulerCore;

// ContextCore is a node of a tree of contexts: one that can end by itself, or one
// that has a value and ends with the nearest of the other kind, its source.
//
// References are held by handles, by its armed timer, and by each child that has
// references itself. A child without any, never cancelled, stays in its parent's
// list and belongs to that from then on: an orphan, as are all below it.
//
// Locks: tree_lock_ guards the children and is taken from parent to child, never
// the other way round; wait_lock_ comes last. The count of a node that is in a
// list becomes zero only under the lock of the list.
class ContextCore {
 public:
  explicit ContextCore(ContextCore* parent);  // counted by the new node
  ContextCore(ContextCore* parent, const void* key, std::shared_ptr<const void> value);
  ~ContextCore() { object_.magic = 0; }
  ContextCore(const ContextCore&) = delete;
  ContextCore& operator=(const ContextCore&) = delete;

  // Enters a new node into its parent's list, or ends it as its parent has ended.
  void attach() noexcept;

  // Has a new node end at `deadline`, nanoseconds of the scheduler's clock.
  void arm(SchedulerCore& scheduler, std::uint64_t deadline) noexcept;

  // The caller has a reference.
  void end(ContextError error, const std::exception_ptr& cause) noexcept;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

  // The node whose end is this one's; nullptr: it never ends.
  [[nodiscard]] ContextCore* source() noexcept { return source_; }
  // Of a source:
  [[nodiscard]] ContextError error() const noexcept {
    return error_.load(std::memory_order_acquire);
  }
  [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }
  // Timers::never: none.
  [[nodiscard]] std::uint64_t deadline() const noexcept { return deadline_; }
  void wait();
  // For tests; a moment old.
  [[nodiscard]] std::uint32_t children() noexcept;

  [[nodiscard]] const void* find(const void* key) const noexcept;

  // For those who wait; both under wait_lock().
  [[nodiscard]] SpinLock& wait_lock() noexcept { return wait_lock_; }
  [[nodiscard]] bool ended() const noexcept { return object_.closed != 0; }
  void add_waiter(Waiter& waiter) noexcept;
  void remove_waiter(Waiter& waiter) noexcept;

 private:
  struct Timer {
    TimerEntry entry;
    ContextCore* context = nullptr;
  };

  // What end() does once it has left all locks.
  struct Aftermath {
    Waiter* woken = nullptr;
    Waiter** woken_end = &woken;
    ContextCore* released = nullptr;  // linked by link_; a reference to each
    void release_later(ContextCore& context) noexcept;
  };

  static void fire(TimerEntry& entry) noexcept;
  void set_deadline(std::uint64_t deadline) noexcept;
  void end_locked(ContextError error, const std::exception_ptr& cause, Aftermath& after) noexcept;
  void end_tree(ContextError error, const std::exception_ptr& cause, Aftermath& after) noexcept;
  void remove_child(ContextCore& child) noexcept;

  // What became of a node that lost a reference: it may be destroyed; it belongs to
  // its parent's list, and the caller has its former reference to its parent.
  enum class Dropped { others_left, last, orphaned };
  Dropped drop_reference() noexcept;
  void destroy_with_orphans() noexcept;

  coro_object object_;   // first: published by its address
  SpinLock wait_lock_;   // guards object_ and waiters_
  SpinLock tree_lock_;   // guards what is said below
  bool listed_ = false;  // in above_'s children; guarded by above_'s lock, as the next
  bool orphan_ = false;
  std::atomic<ContextError> error_{ContextError::none};  // written under tree_lock_
  std::atomic<std::uint32_t> references_{1};
  WaitList waiters_;

  ContextCore* parent_;            // counted, unless an orphan
  ContextCore* source_ = nullptr;  // itself, or above_
  ContextCore* above_ = nullptr;   // the nearest source but itself
  ContextCore* next_ = nullptr;    // among above_'s children
  ContextCore* previous_ = nullptr;
  ContextCore* first_child_ = nullptr;      // guarded by tree_lock_
  ContextCore* link_ = nullptr;             // in an Aftermath
  std::exception_ptr cause_;                // before error_
  std::uint64_t deadline_ = Timers::never;  // before it is shared
  SchedulerCore* scheduler_ = nullptr;      // of the timer; guarded by tree_lock_
  Timer timer_;
  const void* key_ = nullptr;
  std::shared_ptr<const void> value_;
};

}  // namespace coro::detail
