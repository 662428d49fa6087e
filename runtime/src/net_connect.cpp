// SPDX-License-Identifier: Apache-2.0
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

void connect_socket(SocketUse& use, const Address& peer, std::error_code& error) {
  while (use.begin(use.writable(), error) != 0) {
    if (detail::begin_connecting(use.fd(), peer, error)) break;
    sleep_for(detail::connect_pause);
  }
  if (error) return;
  use.run(use.writable(), 0, error, [&] { return detail::is_connected(use.fd()); });
}

std::uint64_t now() {
  return detail::this_fiber().scheduler->now();
}

}  // namespace
}  // namespace coro::net

namespace coro::detail {

Socket* open_unconnected(const net::Address& peer, std::error_code& error) {
  error.clear();
  const int fd = new_socket(peer, SOCK_STREAM);
  if (fd >= 0) return open_stream(fd, peer.family());
  error = io_error(errno);
  return nullptr;
}

bool begin_connecting(int fd, const net::Address& peer, std::error_code& error) noexcept {
  if (::connect(fd, peer.data(), peer.size()) == 0) return true;
  const int number = thread_errno();
  if (number == EAGAIN) return false;
  if (number != EINPROGRESS && number != EINTR) error = io_error(number);
  return true;
}

// Events may come without reason: connected is what has a peer.
ssize_t is_connected(int fd) noexcept {
  int result = 0;
  socklen_t size = sizeof result;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size);
  sockaddr_storage peer;
  size = sizeof peer;
  if (result == 0 && getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0) return 0;
  errno = result != 0 ? result : EAGAIN;
  return -1;
}

}  // namespace coro::detail

namespace coro::net {

Connection Connection::connect(const Address& peer, nanoseconds timeout, std::error_code& error) {
  Connection connection(detail::open_unconnected(peer, error));
  if (error) return connection;
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
