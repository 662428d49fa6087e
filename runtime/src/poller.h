// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "coro/detail/spin_lock.h"
#include "coro/detail/wait_list.h"
#include "coroutine.h"

namespace coro::detail {

// One direction of a socket: whether it is ready, or who waits for it.
class IoSlot {
 public:
  // Parks the calling fiber until the direction may be ready; returns at once
  // if it became so since the last call. Spurious returns are possible. False,
  // at once: another fiber waits.
  [[nodiscard]] bool wait(const void* object);

  // Makes it ready. Adds whoever waited for it to `woken`, to be unparked.
  void signal(CoroutineList& woken) noexcept;

  // Forgets this coroutine, which waits and will never run again.
  void forget(const Coroutine& coroutine) noexcept;

 private:
  SpinLock lock_;
  bool ready_ = false;
  WaitList waiters_;
};

// Socket is what the poller knows of a file descriptor. Sockets are recycled but
// never freed, so an event that arrives late finds memory: its new user sees at
// most a spurious wake-up.
struct Socket {
  int fd = -1;
  std::atomic<std::uint64_t> watcher{0};     // id of the poller that watches it
  std::atomic<std::uint32_t> users{0};       // of the descriptor; see socket.cpp
  std::atomic<std::uint32_t> references{0};  // to this object
  IoSlot readable;
  IoSlot writable;
  Socket* next = nullptr;  // while recycled
};

// Poller waits for sockets with edge-triggered epoll. One worker at a time sleeps
// in it; any number may look.
class Poller {
 public:
  Poller();  // throws std::system_error
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Watches the socket in both directions until its descriptor is closed; a
  // second time changes nothing. Throws std::system_error.
  void watch(Socket& socket);

  // Not 0, and no other poller's in this process.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

  // Both add the coroutines whose sockets are ready to `ready`; the caller has to
  // unpark them. sleep() waits for that at most `timeout_ns` (-1: without limit).
  void look(CoroutineList& ready);
  void sleep(std::int64_t timeout_ns, CoroutineList& ready);

  // Makes the sleep() under way return, or else the next one; from any thread.
  void interrupt() noexcept;

  // Whether any socket was ever watched.
  [[nodiscard]] bool in_use() const noexcept { return in_use_.load(std::memory_order_relaxed); }

 private:
  // True: there was an interrupt, which stays pending.
  bool collect(std::int64_t timeout_ns, CoroutineList& ready);

  const std::uint64_t id_;
  int epoll_fd_ = -1;
  int event_fd_ = -1;
  std::atomic<bool> in_use_{false};
};

}  // namespace coro::detail
