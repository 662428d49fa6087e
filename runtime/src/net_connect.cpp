// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "coro/net/connection.h"
#include "coro/time.h"
#include "net_support.h"
#include "scheduler_core.h"
#include "socket.h"

namespace coro::net {
namespace {

using detail::SocketUse;
using std::chrono::nanoseconds;

// Until the connection is there. Events may come without reason: connected is what
// has a peer.
void finish_connecting(SocketUse& use, std::error_code& error) {
  use.run(use.writable(), 0, error, [&]() -> ssize_t {
    int result = 0;
    socklen_t size = sizeof result;
    getsockopt(use.fd(), SOL_SOCKET, SO_ERROR, &result, &size);
    sockaddr_storage peer;
    size = sizeof peer;
    if (result == 0 && getpeername(use.fd(), reinterpret_cast<sockaddr*>(&peer), &size) == 0) {
      return 0;
    }
    errno = result != 0 ? result : EAGAIN;
    return -1;
  });
}

// EAGAIN says that the backlog of a Unix-domain listener is full, and nothing will
// say when it is not.
void connect_socket(SocketUse& use, const Address& peer, std::error_code& error) {
  constexpr nanoseconds longest = std::chrono::milliseconds(20);
  for (nanoseconds pause = std::chrono::milliseconds(1); use.begin(use.writable(), error) != 0;
       pause = std::min(pause * 2, longest)) {
    if (::connect(use.fd(), peer.data(), peer.size()) == 0) return;
    const int number = detail::thread_errno();
    if (number == EINPROGRESS || number == EINTR) return finish_connecting(use, error);
    if (number != EAGAIN) {
      error = detail::io_error(number);
      return;
    }
    sleep_for(pause);
  }
}

std::uint64_t now() {
  return detail::this_fiber().scheduler->now();
}

}  // namespace

Connection Connection::connect(const Address& peer, nanoseconds timeout, std::error_code& error) {
  error.clear();
  const int fd = detail::new_socket(peer, SOCK_STREAM);
  if (fd < 0) {
    error = detail::io_error(errno);
    return {};
  }
  Connection connection(detail::open_stream(fd, peer.family()));
  {
    SocketUse use(connection.socket_, timeout, error);
    connect_socket(use, peer, error);
  }
  if (error) return {};
  return connection;
}

Connection Connection::connect(const Address& peer, nanoseconds timeout) {
  std::error_code error;
  Connection connection = connect(peer, timeout, error);
  if (error) throw std::system_error(error, "coro: connect to " + peer.to_string());
  return connection;
}

Connection Connection::connect(const std::string& host, std::uint16_t port, nanoseconds timeout,
                               std::error_code& error) {
  const Address numeric = Address::ip(host, port, error);
  if (!error) return connect(numeric, timeout, error);
  const std::uint64_t begin = now();
  const std::vector<Address> addresses = resolve(host, port, error);
  Connection connection;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    nanoseconds share = no_deadline;
    if (timeout != no_deadline) {
      const nanoseconds left = timeout - nanoseconds(now() - begin);
      share = left / static_cast<std::int64_t>(addresses.size() - i);
    }
    connection = connect(addresses[i], share, error);
    if (!error) break;
  }
  return connection;
}

Connection Connection::connect(const std::string& host, std::uint16_t port, nanoseconds timeout) {
  std::error_code error;
  Connection connection = connect(host, port, timeout, error);
  if (error) {
    throw std::system_error(error, "coro: connect to " + host + " port " + std::to_string(port));
  }
  return connection;
}

}  // namespace coro::net
