// SPDX-License-Identifier: Apache-2.0
#include "coro/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "park.h"
#include "socket.h"

namespace coro::net {
namespace {

using detail::SocketUse;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

std::error_code code(int number) noexcept {
  return {number, std::generic_category()};
}

bool parse(const std::string& text, std::uint16_t port, Address& address) noexcept {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
    return true;
  }
  return false;
}

int stream_socket(const Address& address) noexcept {
  return ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void set_no_delay(int fd) noexcept {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// Owns the descriptor, also if there is no memory for the socket.
detail::Socket* adopt(int fd) {
  try {
    return detail::open_socket(fd);
  } catch (...) {
    ::close(fd);
    throw;
  }
}

void check(const std::error_code& error, const char* what) {
  if (error) throw std::system_error(error, what);
}

// A non-blocking call that would block.
bool would_block(int number) noexcept {
  return number == EAGAIN || number == EWOULDBLOCK;
}

}  // namespace

SocketHandle::SocketHandle(SocketHandle&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)) {}

SocketHandle& SocketHandle::operator=(SocketHandle&& other) noexcept {
  if (this != &other) {
    if (socket_ != nullptr) detail::release_socket(*socket_);
    socket_ = std::exchange(other.socket_, nullptr);
  }
  return *this;
}

SocketHandle::~SocketHandle() {
  if (socket_ != nullptr) detail::release_socket(*socket_);
}

void SocketHandle::close() noexcept {
  if (socket_ != nullptr) detail::close_socket(*socket_);
}

bool SocketHandle::is_open() const noexcept {
  return socket_ != nullptr && detail::socket_is_open(*socket_);
}

Connection Connection::connect(const std::string& address, std::uint16_t port) {
  std::error_code error;
  Connection connection = connect(address, port, error);
  check(error, "coro: connect");
  return connection;
}

Connection Connection::connect(const std::string& text, std::uint16_t port,
                               std::error_code& error) {
  error.clear();
  Address address;
  const int fd = parse(text, port, address) ? stream_socket(address) : (errno = EINVAL, -1);
  if (fd < 0) {
    error = code(errno);
    return {};
  }
  set_no_delay(fd);
  Connection connection(adopt(fd));
  if (::connect(fd, address.get(), address.size) == 0) return connection;
  int result = errno;
  if (result == EINPROGRESS) {
    SocketUse use(connection.socket_);
    // Spurious wake-ups are possible: connected is what has a peer.
    for (;;) {
      if (!use.wait_writable()) return error = code(ECANCELED), Connection();
      socklen_t size = sizeof result;
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size);
      Address peer;
      peer.size = sizeof peer.storage;
      if (result != 0) break;
      if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) == 0) break;
    }
  }
  if (result == 0) return connection;
  error = code(result);
  return {};
}

std::size_t Connection::read(void* buffer, std::size_t size) {
  std::error_code error;
  const std::size_t count = read(buffer, size, error);
  check(error, "coro: read");
  return count;
}

std::size_t Connection::read(void* buffer, std::size_t size, std::error_code& error) {
  error.clear();
  SocketUse use(socket_);
  while (use) {
    const ssize_t count = ::recv(use.fd(), buffer, size, 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    const int number = detail::thread_errno();
    if (number == EINTR) continue;
    if (!would_block(number)) return error = code(number), 0;
    if (!use.wait_readable()) break;
  }
  error = code(ECANCELED);
  return 0;
}

void Connection::write(std::string_view data) {
  std::error_code error;
  write(data, error);
  check(error, "coro: write");
}

void Connection::write(std::string_view data, std::error_code& error) {
  error.clear();
  SocketUse use(socket_);
  while (use) {
    if (data.empty()) return;
    const ssize_t count = ::send(use.fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      data.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    const int number = detail::thread_errno();
    if (number == EINTR) continue;
    if (!would_block(number)) {
      error = code(number);
      return;
    }
    if (!use.wait_writable()) break;
  }
  error = code(ECANCELED);
}

Listener Listener::listen(const std::string& text, std::uint16_t port) {
  Address address;
  if (!parse(text, port, address)) {
    throw std::system_error(code(EINVAL), "coro: listen: not a numeric address: " + text);
  }
  const int fd = stream_socket(address);
  if (fd < 0) throw std::system_error(code(errno), "coro: socket");
  Listener listener(adopt(fd));
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, address.get(), address.size) != 0 || ::listen(fd, SOMAXCONN) != 0) {
    throw std::system_error(code(errno),
                            "coro: listen on " + text + " port " + std::to_string(port));
  }
  return listener;
}

Connection Listener::accept() {
  std::error_code error;
  Connection connection = accept(error);
  check(error, "coro: accept");
  return connection;
}

Connection Listener::accept(std::error_code& error) {
  error.clear();
  SocketUse use(socket_);
  while (use) {
    const int fd = ::accept4(use.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      set_no_delay(fd);
      return Connection(adopt(fd));
    }
    const int number = detail::thread_errno();
    // A connection that was gone before it was accepted is not the caller's.
    if (number == EINTR || number == ECONNABORTED) continue;
    if (!would_block(number)) return error = code(number), Connection();
    if (!use.wait_readable()) break;
  }
  error = code(ECANCELED);
  return {};
}

std::uint16_t Listener::port() const {
  SocketUse use(socket_);
  if (!use) throw std::system_error(code(ECANCELED), "coro: port of a closed listener");
  Address address;
  address.size = sizeof address.storage;
  if (getsockname(use.fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
    throw std::system_error(code(errno), "coro: getsockname");
  }
  return ntohs(address.storage.ss_family == AF_INET6
                   ? reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port
                   : reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
}

}  // namespace coro::net
