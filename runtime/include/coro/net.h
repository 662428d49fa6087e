// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace coro::detail {
struct Socket;
}

// TCP for coroutines: calls that would block park the calling coroutine instead
// (reason "IO wait").
//
// Each operation comes in two forms: one throws std::system_error, the other
// stores the error, or none, in a std::error_code. Codes are errno values of the
// generic category; an operation on, or interrupted by the close of, a closed
// socket fails with ECANCELED. Waiting outside of a coroutine throws UsageError.
//
// One coroutine at a time may read or accept, and one may write, on any scheduler;
// where a second one would wait beside the first it gets UsageError. close() may
// be called from any thread, also while others wait.
namespace coro::net {

// SocketHandle owns a socket; what Connection and Listener have in common.
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

 protected:
  detail::Socket* socket_ = nullptr;
};

// Connection is a stream to a peer. TCP_NODELAY is set.
class Connection : public SocketHandle {
 public:
  using SocketHandle::SocketHandle;

  // Connects to a numeric IPv4 or IPv6 address; waits until the peer accepts.
  static Connection connect(const std::string& address, std::uint16_t port);
  static Connection connect(const std::string& address, std::uint16_t port, std::error_code& error);

  // Reads at least one byte and at most `size`; waits for the first. Returns the
  // number of bytes, 0 at the end of the stream or on an error.
  std::size_t read(void* buffer, std::size_t size);
  std::size_t read(void* buffer, std::size_t size, std::error_code& error);

  // Writes all of `data`; waits as often as it takes. A peer that is gone is
  // EPIPE or ECONNRESET, never a signal.
  void write(std::string_view data);
  void write(std::string_view data, std::error_code& error);
};

// Listener accepts connections.
class Listener : public SocketHandle {
 public:
  using SocketHandle::SocketHandle;

  // Listens on a numeric address; port 0 picks a free one. Does not wait, so it
  // may be called outside of a coroutine.
  static Listener listen(const std::string& address, std::uint16_t port);

  // Waits for a connection.
  Connection accept();
  Connection accept(std::error_code& error);

  // The port that it listens on.
  [[nodiscard]] std::uint16_t port() const;
};

}  // namespace coro::net
