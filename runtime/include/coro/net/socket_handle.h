// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <system_error>

#include "coro/net/address.h"

namespace coro {
template <class T>
class Task;
namespace detail {
struct Socket;
}
}  // namespace coro

namespace coro::net {

// What the deadline functions take for "none".
inline constexpr std::chrono::nanoseconds no_deadline = std::chrono::nanoseconds::max();

// SocketHandle owns a socket; what all kinds have in common.
//
// Deadlines belong to the socket, as in Go: they hold for operations under way and
// for later ones, until they are set anew. Once a deadline has come, operations of
// its direction fail with ETIMEDOUT and do nothing. The socket stays usable: set a
// later deadline. It is the primary style; the operations that take a timeout of
// their own end at whichever comes first.
class SocketHandle {
 public:
  SocketHandle() noexcept = default;
  explicit SocketHandle(detail::Socket* socket) noexcept : socket_(socket) {}
  SocketHandle(SocketHandle&& other) noexcept;
  SocketHandle& operator=(SocketHandle&& other) noexcept;
  ~SocketHandle();

  // Wakes who waits, who then fail with ECANCELED, and closes the descriptor
  // once no operation uses it. Closing twice does nothing.
  void close() noexcept;

  // False once closed, or moved from.
  [[nodiscard]] bool is_open() const noexcept;

  // Set the deadline to `from_now`, by the clock of the calling coroutine's
  // scheduler (elsewhere: CLOCK_MONOTONIC); 0 or less: now, which ends what is
  // under way; no_deadline: none. Reading is also accepting and receiving.
  void set_deadline(std::chrono::nanoseconds from_now) noexcept;
  void set_read_deadline(std::chrono::nanoseconds from_now) noexcept;
  void set_write_deadline(std::chrono::nanoseconds from_now) noexcept;

  // Throws std::system_error if it is closed.
  [[nodiscard]] Address local_address() const;

  // The descriptor, for options that are not here: -1 once closed. It must not be
  // closed, and is valid until close() only.
  [[nodiscard]] int native_handle() const noexcept;

 protected:
  detail::Socket* socket_ = nullptr;
};

}  // namespace coro::net

namespace coro::detail {

inline void throw_if(const std::error_code& error, const char* what) {
  if (error) throw std::system_error(error, what);
}

}  // namespace coro::detail
