// SPDX-License-Identifier: Apache-2.0
// Channels without their element type. Not for use by programs; see channel.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "coro/abi.h"
#include "coro/detail/async.h"
#include "coro/detail/object.h"
#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"

namespace coro::detail {

struct Fiber;

struct ElementOps {
  std::size_t size;
  std::size_t alignment;
  void (*deliver)(void* result, void* value) noexcept;  // move into an optional
  void (*store)(void* place, void* value) noexcept;     // move into raw storage
  void (*destroy)(void* place) noexcept;
};

// ChannelCore is a channel: its lock, its ring of elements, its waiters. A value
// that is handed from a sender to a receiver moves after the lock is released,
// between two places that belong to whoever took the waiter off its list.
//
// The operations take a pointer that may be nullptr: the nil channel.
class ChannelCore {
 public:
  class AsyncWait;

  static ChannelCore* create(std::size_t capacity, const ElementOps& ops);
  ChannelCore(const ChannelCore&) = delete;
  ChannelCore& operator=(const ChannelCore&) = delete;

  void retain() noexcept {
    std::atomic_ref(object_.handles).fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept;

  static void send(ChannelCore* channel, void* value);
  static void receive(ChannelCore* channel, void* result);
  static bool try_send(ChannelCore* channel, void* value);
  static void try_receive(ChannelCore* channel, void* result);
  static void close(ChannelCore* channel);
  static std::size_t size(ChannelCore* channel) noexcept;
  static std::size_t capacity(ChannelCore* channel) noexcept;

  // For select; all with lock() held. try_case is one send or receive that does not
  // wait; `partner` is set to who has to be unparked once the lock is released.
  enum class Attempt { done, closed, blocked };
  [[nodiscard]] SpinLock& lock() noexcept { return lock_; }
  Attempt try_case(bool sends, void* slot, Waiter*& partner);
  void add_waiter(bool sends, Waiter& waiter) noexcept;
  void remove_waiter(bool sends, Waiter& waiter) noexcept;

  // When a timer sends next, for observers; 0: no more. Of a timer's channel only.
  void publish_deadline(std::uint64_t deadline_ns) noexcept {
    std::atomic_ref(object_.deadline_ns).store(deadline_ns, std::memory_order_relaxed);
  }

 private:
  ChannelCore(std::size_t capacity, const ElementOps& ops);
  ~ChannelCore();

  Attempt send_held(void* value, Waiter*& partner);
  Attempt receive_held(void* result, Waiter*& partner);

  // The same, and they release the lock unless they return `blocked`.
  Attempt send_locked(void* value);
  Attempt receive_locked(void* result);

  // Parks the caller in the list; called with the lock held, which it releases.
  // False: the channel was closed meanwhile.
  bool wait_locked(WaitList& list, Fiber& self, coro_reason reason, void* slot);

  [[nodiscard]] void* element(std::uint64_t position) const noexcept;
  void publish_senders() noexcept;
  void publish_receivers() noexcept;

  coro_object object_;  // first: published by its address; its handles are not under the lock
  SpinLock lock_;
  const ElementOps* ops_;
  WaitList senders_;
  WaitList receivers_;
  std::byte* buffer_ = nullptr;
  std::uint64_t head_ = 0;  // place of the oldest element, below the capacity
};

// AsyncWait is a task's wait for a channel, whatever its element type. A million may
// be parked, so it has no field of its own: until it waits, `slot` is the channel;
// then it is `place`, where the value is, or is to be put.
class ChannelCore::AsyncWait : protected Waiter {
 protected:
  explicit AsyncWait(ChannelCore* channel) noexcept { slot = channel; }

  bool suspend_send(SuspendedTask self, void* place) noexcept;
  bool suspend_receive(SuspendedTask self, void* place) noexcept;
  void end_send() const;  // throws ChannelClosed

  // To be called at the end: it may be destroyed in its wait.
  void leave_senders() noexcept {
    if (listed) leave(&ChannelCore::senders_);
  }
  void leave_receivers() noexcept {
    if (listed) leave(&ChannelCore::receivers_);
  }

 private:
  void wait_locked(SuspendedTask self, ChannelCore& channel, WaitList& list, coro_reason reason,
                   void* place) noexcept;
  void leave(WaitList ChannelCore::*list) noexcept;
};

// ChannelReference is a counted pointer to a ChannelCore.
class ChannelReference {
 public:
  ChannelReference() noexcept = default;
  explicit ChannelReference(ChannelCore* core) noexcept : core_(core) {}
  ChannelReference(const ChannelReference& other) noexcept : core_(other.core_) {
    if (core_ != nullptr) core_->retain();
  }
  ChannelReference(ChannelReference&& other) noexcept
      : core_(std::exchange(other.core_, nullptr)) {}
  ChannelReference& operator=(ChannelReference other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  ~ChannelReference() {
    if (core_ != nullptr) core_->release();
  }
  [[nodiscard]] ChannelCore* get() const noexcept { return core_; }

 private:
  ChannelCore* core_ = nullptr;
};

}  // namespace coro::detail
