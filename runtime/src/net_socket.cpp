// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <utility>

#include "coro/net/socket_handle.h"
#include "net_support.h"
#include "socket.h"

namespace coro {
namespace detail {

int new_socket(const net::Address& address, int type) noexcept {
  return ::socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

// A Unix-domain stream may end a read where descriptors were passed along.
Socket* open_stream(int fd, int family) {
  Socket* socket = open_socket(fd);
  if (family == AF_UNIX) return socket;
  socket->short_reads_drain = true;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

}  // namespace detail

namespace net {

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

void SocketHandle::set_deadline(std::chrono::nanoseconds from_now) noexcept {
  set_read_deadline(from_now);
  set_write_deadline(from_now);
}

void SocketHandle::set_read_deadline(std::chrono::nanoseconds from_now) noexcept {
  if (socket_ == nullptr) return;
  detail::set_deadline(socket_->readable, detail::io_deadline_after(from_now));
}

void SocketHandle::set_write_deadline(std::chrono::nanoseconds from_now) noexcept {
  if (socket_ == nullptr) return;
  detail::set_deadline(socket_->writable, detail::io_deadline_after(from_now));
}

Address SocketHandle::local_address() const {
  detail::SocketUse use(socket_);
  if (!use)
    throw std::system_error(detail::io_error(ECANCELED), "coro: address of a closed socket");
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(use.fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    throw std::system_error(detail::io_error(errno), "coro: getsockname");
  }
  return Address::from_system(storage, size);
}

int SocketHandle::native_handle() const noexcept {
  return is_open() ? socket_->fd : -1;
}

}  // namespace net
}  // namespace coro
