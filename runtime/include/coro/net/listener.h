// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>

#include "coro/net/connection.h"

namespace coro::net {

// Listener accepts connections. Its read deadline holds for accept().
class Listener : public SocketHandle {
 public:
  using SocketHandle::SocketHandle;

  // Listens on an address; port 0 picks a free one. Does not wait, so it may be
  // called outside of a coroutine. Throws std::system_error.
  //
  // A Unix-domain listener makes a file, and close() removes it, unless it is
  // another one by then. A file that is there already is EADDRINUSE, also if its
  // listener is long gone: whether it may be removed only the program knows.
  static Listener listen(const Address& address);
  static Listener listen(const std::string& numeric_host, std::uint16_t port) {
    return listen(Address::ip(numeric_host, port));
  }
  static Listener listen_unix(const std::string& path) { return listen(Address::unix_path(path)); }

  // Waits for a connection. Connections that are gone before they are accepted are
  // passed over. EMFILE, ENFILE and ENOMEM say that the process is at a limit:
  // the connection stays in the backlog, so wait before the next try.
  Connection accept(std::error_code& error) { return accept_for(no_deadline, error); }
  Connection accept() { return accept_for(no_deadline); }

  // The same with a timeout for this call.
  Connection accept_for(std::chrono::nanoseconds timeout, std::error_code& error);
  Connection accept_for(std::chrono::nanoseconds timeout);

  // The same in a task.
  Task<Connection> async_accept(std::chrono::nanoseconds timeout = no_deadline);
  Task<Connection> async_accept(std::chrono::nanoseconds timeout, std::error_code& error);

  // The port that it listens on; 0 for a path. Throws std::system_error once closed.
  [[nodiscard]] std::uint16_t port() const { return local_address().port(); }
};

}  // namespace coro::net
