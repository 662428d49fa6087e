// SPDX-License-Identifier: Apache-2.0
// What the files of coro::net have in common.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string_view>
#include <system_error>

#include "coro/net/address.h"
#include "coro/net/udp.h"

namespace coro::detail {

struct Socket;

inline std::error_code io_error(int number) noexcept {
  return {number, std::generic_category()};
}

// A non-blocking socket for addresses of this family; -1 and errno.
int new_socket(const net::Address& address, int type) noexcept;

// The system calls of operations that come in several forms; -1 and errno.
ssize_t accept_one(int fd, int& family) noexcept;
ssize_t receive_one(int fd, void* buffer, std::size_t size, net::Datagram& datagram) noexcept;
ssize_t send_one(int fd, std::string_view data, const net::Address* peer) noexcept;
ssize_t is_connected(int fd) noexcept;  // EAGAIN: not yet

// Makes a socket to be connected; nullptr and an error.
Socket* open_unconnected(const net::Address& peer, std::error_code& error);

// Begins to connect. True: there is an error, or the rest is to be waited for; false:
// the backlog of a Unix-domain listener is full, and nothing will say when it is
// not. Pause then, and try again.
bool begin_connecting(int fd, const net::Address& peer, std::error_code& error) noexcept;
inline constexpr std::chrono::milliseconds connect_pause{2};

// Wraps the descriptor of a stream, and sets what all streams have.
Socket* open_stream(int fd, int family);

}  // namespace coro::detail
