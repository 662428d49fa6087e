// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "coro/net/socket_handle.h"

namespace coro::net {

// Connection is a stream to a peer: TCP, with TCP_NODELAY set, or Unix-domain.
class Connection : public SocketHandle {
 public:
  using SocketHandle::SocketHandle;

  // Connects; waits until the peer accepts, at most `timeout`.
  static Connection connect(const Address& peer, std::chrono::nanoseconds timeout,
                            std::error_code& error);
  static Connection connect(const Address& peer, std::chrono::nanoseconds timeout = no_deadline);

  // Connects to a host, by name or numeric: tries its addresses in order, each for
  // an equal share of the time that is left (the look-up counts, but is not
  // interrupted), until one answers. The error is that of the last one.
  static Connection connect(const std::string& host, std::uint16_t port,
                            std::chrono::nanoseconds timeout, std::error_code& error);
  static Connection connect(const std::string& host, std::uint16_t port,
                            std::chrono::nanoseconds timeout = no_deadline);
  static Connection connect(const std::string& host, std::uint16_t port, std::error_code& error) {
    return connect(host, port, no_deadline, error);
  }

  // Connects to a Unix-domain listener; waits while its backlog is full.
  static Connection connect_unix(const std::string& path,
                                 std::chrono::nanoseconds timeout = no_deadline) {
    return connect(Address::unix_path(path), timeout);
  }

  // Reads at least one byte and at most `size`; waits for the first. Returns the
  // number of bytes, 0 at the end of the stream, on an error, or for a size of 0.
  std::size_t read(void* buffer, std::size_t size, std::error_code& error) {
    return read_for(buffer, size, no_deadline, error);
  }
  std::size_t read(void* buffer, std::size_t size) { return read_for(buffer, size, no_deadline); }

  // Writes all of `data`; waits as often as it takes. Returns the number of bytes
  // that the kernel took: fewer on an error. A peer that is gone is EPIPE or
  // ECONNRESET, never a signal.
  std::size_t write(std::string_view data, std::error_code& error) {
    return write_for(data, no_deadline, error);
  }
  std::size_t write(std::string_view data) { return write_for(data, no_deadline); }

  // Writes several pieces as if they were one, without copying them together.
  std::size_t write_pieces(std::span<const std::string_view> pieces, std::error_code& error);
  std::size_t write_pieces(std::span<const std::string_view> pieces);

  // The same with a timeout for this call.
  std::size_t read_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout,
                       std::error_code& error);
  std::size_t read_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout);
  std::size_t write_for(std::string_view data, std::chrono::nanoseconds timeout,
                        std::error_code& error);
  std::size_t write_for(std::string_view data, std::chrono::nanoseconds timeout);

  // The same in a task.
  static Task<Connection> async_connect(const Address& peer,
                                        std::chrono::nanoseconds timeout = no_deadline);
  static Task<Connection> async_connect(const Address& peer, std::chrono::nanoseconds timeout,
                                        std::error_code& error);
  Task<std::size_t> async_read(void* buffer, std::size_t size,
                               std::chrono::nanoseconds timeout = no_deadline);
  Task<std::size_t> async_read(void* buffer, std::size_t size, std::chrono::nanoseconds timeout,
                               std::error_code& error);
  Task<std::size_t> async_write(std::string_view data,
                                std::chrono::nanoseconds timeout = no_deadline);
  Task<std::size_t> async_write(std::string_view data, std::chrono::nanoseconds timeout,
                                std::error_code& error);

  // Ends one direction. After shutdown_write() the peer reads the end of the stream
  // once it has read the rest; after shutdown_read() reads here do, also those under
  // way. An error if the peer is gone already.
  void shutdown_read(std::error_code& error) noexcept;
  void shutdown_read();
  void shutdown_write(std::error_code& error) noexcept;
  void shutdown_write();

  // Throws std::system_error if it is closed, or the peer is gone.
  [[nodiscard]] Address peer_address() const;
};

}  // namespace coro::net
