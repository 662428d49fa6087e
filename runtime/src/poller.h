// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "coroutine.h"

namespace coro::detail {

struct Socket;

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
