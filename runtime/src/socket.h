// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "poller.h"

namespace coro::detail {

// Wraps a non-blocking descriptor, which it owns from now on.
Socket* open_socket(int fd);

// See SocketHandle::close. The object stays valid until it is released.
void close_socket(Socket& socket) noexcept;

// The last act of the handle: closes and gives up the object.
void release_socket(Socket& socket) noexcept;
bool socket_is_open(const Socket& socket) noexcept;

// For a fiber that was left in a wait for the socket and will never run again.
void abandon_wait(Socket& socket, const Coroutine& coroutine) noexcept;

// SocketUse keeps the descriptor from being closed, and its number from being
// reused, while an operation is under way.
class SocketUse {
 public:
  explicit SocketUse(Socket* socket) noexcept;
  ~SocketUse();
  SocketUse(const SocketUse&) = delete;
  SocketUse& operator=(const SocketUse&) = delete;

  // False: it is closed.
  explicit operator bool() const noexcept { return socket_ != nullptr; }
  [[nodiscard]] int fd() const noexcept { return socket_->fd; }

  // Parks until the direction may be ready; false: it was closed meanwhile.
  // Throws std::system_error if the descriptor cannot be watched, UsageError if
  // another coroutine waits for the same direction.
  bool wait_readable() { return wait(socket_->readable); }
  bool wait_writable() { return wait(socket_->writable); }

 private:
  bool wait(IoSlot& slot);

  Socket* socket_;
};

}  // namespace coro::detail
