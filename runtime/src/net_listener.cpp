// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "coro/net/listener.h"
#include "net_support.h"
#include "socket.h"

namespace coro::net {
namespace {

// The file that bind() has just made.
void own_file(detail::Socket& socket, const Address& address) {
  const std::string path = address.host();
  struct stat made {};
  if (path.empty() || path.front() == '@' || lstat(path.c_str(), &made) != 0) return;
  socket.file.emplace(detail::SocketFile{path, made.st_dev, made.st_ino});
}

// A connection that was gone before it was accepted is not the caller's. Linux also
// reports here what went wrong on the network before (accept(2)).
bool is_of_one_connection(int number) noexcept {
  switch (number) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
      return true;
    default:
      return false;
  }
}

}  // namespace

}  // namespace coro::net

ssize_t coro::detail::accept_one(int fd, int& family) noexcept {
  sockaddr_storage peer;
  socklen_t size = sizeof peer;
  const int accepted =
      ::accept4(fd, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted >= 0) family = peer.ss_family;
  if (accepted < 0 && net::is_of_one_connection(errno)) errno = EINTR;  // try again
  return accepted;
}

namespace coro::net {

Listener Listener::listen(const Address& address) {
  const int fd = detail::new_socket(address, SOCK_STREAM);
  if (fd < 0) throw std::system_error(detail::io_error(errno), "coro: socket");
  Listener listener(detail::open_socket(fd));
  const int on = 1;
  if (!address.is_unix()) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, address.data(), address.size()) == 0) {
    if (address.is_unix()) own_file(*listener.socket_, address);
    if (::listen(fd, SOMAXCONN) == 0) return listener;
  }
  throw std::system_error(detail::io_error(errno), "coro: listen on " + address.to_string());
}

Connection Listener::accept_for(std::chrono::nanoseconds timeout, std::error_code& error) {
  detail::SocketUse use(socket_, timeout, error);
  if (!use) return {};
  int family = AF_UNSPEC;
  const ssize_t fd =
      use.run(use.readable(), 0, error, [&] { return detail::accept_one(use.fd(), family); });
  if (fd < 0) return {};
  return Connection(detail::open_stream(static_cast<int>(fd), family));
}

Connection Listener::accept_for(std::chrono::nanoseconds timeout) {
  std::error_code error;
  Connection connection = accept_for(timeout, error);
  detail::throw_if(error, "coro: accept");
  return connection;
}

}  // namespace coro::net
