// SPDX-License-Identifier: Apache-2.0
#include "coro/net/udp.h"
#include "net_support.h"
#include "socket.h"

namespace coro::net {
namespace {

using detail::SocketUse;

detail::Socket* open_datagram(const Address& address) {
  const int fd = detail::new_socket(address, SOCK_DGRAM);
  if (fd < 0) throw std::system_error(detail::io_error(errno), "coro: socket");
  return detail::open_socket(fd);
}

void send_datagram(detail::Socket* socket, std::string_view data, const Address* peer,
                   std::error_code& error) {
  SocketUse use(socket, no_deadline, error);
  if (!use) return;
  use.run(use.writable(), 0, error, [&] { return detail::send_one(use.fd(), data, peer); });
}

}  // namespace
}  // namespace coro::net

namespace coro::detail {

ssize_t receive_one(int fd, void* buffer, std::size_t size, net::Datagram& datagram) noexcept {
  sockaddr_storage peer;
  iovec part{.iov_base = buffer, .iov_len = size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_name = &peer;
  message.msg_namelen = sizeof peer;
  const ssize_t count = ::recvmsg(fd, &message, 0);
  if (count < 0) return count;
  datagram.size = static_cast<std::size_t>(count);
  datagram.truncated = (message.msg_flags & MSG_TRUNC) != 0;
  datagram.peer = net::Address::from_system(peer, message.msg_namelen);
  return count;
}

ssize_t send_one(int fd, std::string_view data, const net::Address* peer) noexcept {
  return ::sendto(fd, data.data(), data.size(), MSG_NOSIGNAL,
                  peer == nullptr ? nullptr : peer->data(), peer == nullptr ? 0 : peer->size());
}

}  // namespace coro::detail

namespace coro::net {

UdpSocket UdpSocket::bind(const Address& address) {
  UdpSocket socket(open_datagram(address));
  if (::bind(socket.socket_->fd, address.data(), address.size()) != 0) {
    throw std::system_error(detail::io_error(errno), "coro: bind to " + address.to_string());
  }
  return socket;
}

UdpSocket UdpSocket::connect(const Address& peer) {
  UdpSocket socket(open_datagram(peer));
  if (::connect(socket.socket_->fd, peer.data(), peer.size()) != 0) {
    throw std::system_error(detail::io_error(errno), "coro: connect to " + peer.to_string());
  }
  return socket;
}

Datagram UdpSocket::receive_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout,
                                std::error_code& error) {
  SocketUse use(socket_, timeout, error);
  if (!use) return {};
  Datagram datagram;
  use.run(use.readable(), 0, error,
          [&] { return detail::receive_one(use.fd(), buffer, size, datagram); });
  return datagram;
}

Datagram UdpSocket::receive_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout) {
  std::error_code error;
  Datagram datagram = receive_for(buffer, size, timeout, error);
  detail::throw_if(error, "coro: receive");
  return datagram;
}

void UdpSocket::send_to(std::string_view data, const Address& peer, std::error_code& error) {
  send_datagram(socket_, data, &peer, error);
}

void UdpSocket::send_to(std::string_view data, const Address& peer) {
  std::error_code error;
  send_to(data, peer, error);
  detail::throw_if(error, "coro: send");
}

void UdpSocket::send(std::string_view data, std::error_code& error) {
  send_datagram(socket_, data, nullptr, error);
}

void UdpSocket::send(std::string_view data) {
  std::error_code error;
  send(data, error);
  detail::throw_if(error, "coro: send");
}

}  // namespace coro::net
