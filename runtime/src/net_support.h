// SPDX-License-Identifier: Apache-2.0
// What the files of coro::net have in common.
#pragma once

#include <system_error>

#include "coro/net/address.h"

namespace coro::detail {

struct Socket;

inline std::error_code io_error(int number) noexcept {
  return {number, std::generic_category()};
}

// A non-blocking socket for addresses of this family; -1 and errno.
int new_socket(const net::Address& address, int type) noexcept;

// Wraps the descriptor of a stream, and sets what all streams have.
Socket* open_stream(int fd, int family);

}  // namespace coro::detail
