// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "coro/net/socket_handle.h"

namespace coro::net {

// Datagram is what receive() says of one.
struct Datagram {
  std::size_t size = 0;    // bytes in the buffer; a datagram may be empty
  bool truncated = false;  // it was larger than the buffer: the rest is lost
  Address peer;
};

// UdpSocket sends and receives datagrams, each whole or not at all.
class UdpSocket : public SocketHandle {
 public:
  using SocketHandle::SocketHandle;

  // A socket that receives at this address; port 0 picks a free one. Neither waits.
  static UdpSocket bind(const Address& address);
  static UdpSocket bind(const std::string& numeric_host, std::uint16_t port) {
    return bind(Address::ip(numeric_host, port));
  }
  // A socket that sends to, and receives from, this peer alone. That nobody is
  // there may come back as ECONNREFUSED from a later operation.
  static UdpSocket connect(const Address& peer);

  // Waits for a datagram.
  Datagram receive(void* buffer, std::size_t size, std::error_code& error) {
    return receive_for(buffer, size, no_deadline, error);
  }
  Datagram receive(void* buffer, std::size_t size) {
    return receive_for(buffer, size, no_deadline);
  }
  Datagram receive_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout,
                       std::error_code& error);
  Datagram receive_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout);

  // Waits until there is room. Sent is not received. send() is for one that is
  // connected; EMSGSIZE: too large for a datagram.
  void send_to(std::string_view data, const Address& peer, std::error_code& error);
  void send_to(std::string_view data, const Address& peer);
  void send(std::string_view data, std::error_code& error);
  void send(std::string_view data);

  // The same in a task.
  Task<Datagram> async_receive(void* buffer, std::size_t size,
                               std::chrono::nanoseconds timeout = no_deadline);
  Task<Datagram> async_receive(void* buffer, std::size_t size, std::chrono::nanoseconds timeout,
                               std::error_code& error);
  Task<void> async_send_to(std::string_view data, const Address& peer);
  Task<void> async_send_to(std::string_view data, const Address& peer, std::error_code& error);
};

}  // namespace coro::net
