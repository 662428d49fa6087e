// SPDX-License-Identifier: Apache-2.0
#include <sys/uio.h>

#include <algorithm>
#include <array>

#include "coro/net/connection.h"
#include "net_support.h"
#include "socket.h"

namespace coro::net {

using detail::SocketUse;

std::size_t Connection::read_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout,
                                 std::error_code& error) {
  SocketUse use(socket_, timeout, error);
  if (!use || size == 0) return 0;
  const std::size_t full = use.short_reads_drain() ? size : 0;
  const ssize_t count =
      use.run(use.readable(), full, error, [&] { return ::recv(use.fd(), buffer, size, 0); });
  return static_cast<std::size_t>(std::max<ssize_t>(count, 0));
}

std::size_t Connection::read_for(void* buffer, std::size_t size, std::chrono::nanoseconds timeout) {
  std::error_code error;
  const std::size_t count = read_for(buffer, size, timeout, error);
  detail::throw_if(error, "coro: read");
  return count;
}

std::size_t Connection::write_for(std::string_view data, std::chrono::nanoseconds timeout,
                                  std::error_code& error) {
  SocketUse use(socket_, timeout, error);
  if (!use || data.empty()) return 0;
  const detail::WriteTurn turn(use, error);
  std::size_t done = 0;
  while (turn && done < data.size()) {
    const ssize_t count = use.run(use.writable(), 0, error, [&] {
      return ::send(use.fd(), data.data() + done, data.size() - done, MSG_NOSIGNAL);
    });
    if (count < 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::size_t Connection::write_for(std::string_view data, std::chrono::nanoseconds timeout) {
  std::error_code error;
  const std::size_t count = write_for(data, timeout, error);
  detail::throw_if(error, "coro: write");
  return count;
}

namespace {

// The next pieces for one system call. Skips those that are sent, `offset` bytes of
// the first of the rest included.
class Pieces {
 public:
  explicit Pieces(std::span<const std::string_view> pieces) noexcept : left_(pieces) { skip(0); }

  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

  void skip(std::size_t bytes) noexcept {
    offset_ += bytes;
    while (!left_.empty() && offset_ >= left_.front().size()) {
      offset_ -= left_.front().size();
      left_ = left_.subspan(1);
    }
  }

  ssize_t send(int fd) noexcept {
    std::array<iovec, 64> parts;
    const std::size_t count = std::min(parts.size(), left_.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t skipped = i == 0 ? offset_ : 0;
      parts[i].iov_base = const_cast<char*>(left_[i].data() + skipped);
      parts[i].iov_len = left_[i].size() - skipped;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
  }

 private:
  std::span<const std::string_view> left_;
  std::size_t offset_ = 0;
};

}  // namespace

std::size_t Connection::write_pieces(std::span<const std::string_view> pieces,
                                     std::error_code& error) {
  SocketUse use(socket_, no_deadline, error);
  Pieces left(pieces);
  if (!use || left.empty()) return 0;
  const detail::WriteTurn turn(use, error);
  std::size_t done = 0;
  while (turn && !left.empty()) {
    const ssize_t count = use.run(use.writable(), 0, error, [&] { return left.send(use.fd()); });
    if (count < 0) break;
    left.skip(static_cast<std::size_t>(count));
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::size_t Connection::write_pieces(std::span<const std::string_view> pieces) {
  std::error_code error;
  const std::size_t count = write_pieces(pieces, error);
  detail::throw_if(error, "coro: write");
  return count;
}

namespace {

void shut_down(detail::Socket* socket, int direction, std::error_code& error) noexcept {
  SocketUse use(socket, no_deadline, error);
  if (use && ::shutdown(use.fd(), direction) != 0) error = detail::io_error(errno);
}

}  // namespace

void Connection::shutdown_read(std::error_code& error) noexcept {
  shut_down(socket_, SHUT_RD, error);
}

void Connection::shutdown_read() {
  std::error_code error;
  shutdown_read(error);
  detail::throw_if(error, "coro: shutdown");
}

void Connection::shutdown_write(std::error_code& error) noexcept {
  shut_down(socket_, SHUT_WR, error);
}

void Connection::shutdown_write() {
  std::error_code error;
  shutdown_write(error);
  detail::throw_if(error, "coro: shutdown");
}

Address Connection::peer_address() const {
  SocketUse use(socket_);
  if (!use) throw std::system_error(detail::io_error(ECANCELED), "coro: peer of a closed socket");
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(use.fd(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    throw std::system_error(detail::io_error(errno), "coro: getpeername");
  }
  return Address::from_system(storage, size);
}

}  // namespace coro::net
