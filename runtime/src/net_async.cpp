// SPDX-License-Identifier: Apache-2.0
// The forms for tasks. Each is a task itself, so that an observer sees it in the
// chain of co_awaits.
#include <algorithm>

#include "coro/go.h"
#include "coro/net.h"
#include "coro/task.h"
#include "coro/time.h"
#include "net_support.h"
#include "socket.h"

namespace coro::net {
namespace {

using detail::AsyncIoWait;
using detail::Attempt;
using detail::IoSlot;
using detail::SocketUse;
using std::chrono::nanoseconds;

// The caller's error code, or one of our own that is thrown in the end.
class ErrorTarget {
 public:
  ErrorTarget(std::error_code* callers, const char* what) noexcept
      : callers_(callers), what_(what) {}
  [[nodiscard]] std::error_code& get() noexcept { return callers_ != nullptr ? *callers_ : own_; }
  void check() const { detail::throw_if(own_, what_); }

 private:
  std::error_code* callers_;
  std::error_code own_;
  const char* what_;
};

Task<std::size_t> read(detail::Socket* socket, void* buffer, std::size_t size, nanoseconds timeout,
                       std::error_code* callers) {
  ErrorTarget error(callers, "coro: read");
  SocketUse use(socket, timeout, error.get());
  Attempt attempt;
  if (use && size != 0) {
    IoSlot& slot = use.readable();
    const auto call = [&] { return ::recv(use.fd(), buffer, size, 0); };
    while (!use.try_once(slot, use.short_reads_drain() ? size : 0, attempt, error.get(), call)) {
      use.watch();
      co_await AsyncIoWait(slot, use.wait_for(slot, attempt.seen));
    }
    if (use.has_had_its_share()) co_await async_yield();
  }
  error.check();
  co_return attempt.count();
}

Task<std::size_t> write(detail::Socket* socket, std::string_view data, nanoseconds timeout,
                        std::error_code* callers) {
  ErrorTarget error(callers, "coro: write");
  SocketUse use(socket, timeout, error.get());
  std::size_t done = 0;
  if (use && !data.empty()) {
    IoSlot& slot = use.writable();
    bool taken = false;
    while (!taken) {
      const std::uint64_t seen = use.begin(slot, error.get());
      if (seen == 0) break;
      taken = co_await AsyncIoWait(slot, use.wait_for(slot, seen), AsyncIoWait::For::turn);
    }
    const detail::WriteTurn turn(taken ? &slot : nullptr);
    const auto call = [&] {
      return ::send(use.fd(), data.data() + done, data.size() - done, MSG_NOSIGNAL);
    };
    Attempt attempt{.result = 0};
    while (turn && done < data.size() && attempt.result >= 0) {
      while (!use.try_once(slot, 0, attempt, error.get(), call)) {
        use.watch();
        co_await AsyncIoWait(slot, use.wait_for(slot, attempt.seen));
      }
      done += attempt.count();
      if (use.has_had_its_share()) co_await async_yield();
    }
  }
  error.check();
  co_return done;
}

Task<Connection> accept(detail::Socket* socket, nanoseconds timeout, std::error_code* callers) {
  ErrorTarget error(callers, "coro: accept");
  SocketUse use(socket, timeout, error.get());
  Connection connection;
  if (use) {
    IoSlot& slot = use.readable();
    Attempt attempt;
    int family = AF_UNSPEC;
    const auto call = [&] { return detail::accept_one(use.fd(), family); };
    while (!use.try_once(slot, 0, attempt, error.get(), call)) {
      use.watch();
      co_await AsyncIoWait(slot, use.wait_for(slot, attempt.seen));
    }
    if (attempt.result >= 0) {
      connection = Connection(detail::open_stream(static_cast<int>(attempt.result), family));
    }
    if (use.has_had_its_share()) co_await async_yield();
  }
  error.check();
  co_return connection;
}

Task<Connection> connect(Address peer, nanoseconds timeout, std::error_code* callers) {
  ErrorTarget error(callers, "coro: connect");
  detail::Socket* socket = detail::open_unconnected(peer, error.get());
  Connection connection(socket);
  if (socket != nullptr) {
    SocketUse use(socket, timeout, error.get());
    IoSlot& slot = use.writable();
    Attempt attempt;
    // A full backlog of a Unix-domain listener, where nothing says that it is not.
    while (use.begin(slot, error.get()) != 0 &&
           !detail::begin_connecting(use.fd(), peer, error.get())) {
      co_await async_sleep_for(detail::connect_pause);
    }
    const auto call = [&] { return detail::is_connected(use.fd()); };
    while (!error.get() && !use.try_once(slot, 0, attempt, error.get(), call)) {
      use.watch();
      co_await AsyncIoWait(slot, use.wait_for(slot, attempt.seen));
    }
  }
  error.check();
  if (error.get()) connection = Connection();
  co_return connection;
}

Task<Datagram> receive(detail::Socket* socket, void* buffer, std::size_t size, nanoseconds timeout,
                       std::error_code* callers) {
  ErrorTarget error(callers, "coro: receive");
  SocketUse use(socket, timeout, error.get());
  Datagram datagram;
  if (use) {
    IoSlot& slot = use.readable();
    Attempt attempt;
    const auto call = [&] { return detail::receive_one(use.fd(), buffer, size, datagram); };
    while (!use.try_once(slot, 0, attempt, error.get(), call)) {
      use.watch();
      co_await AsyncIoWait(slot, use.wait_for(slot, attempt.seen));
    }
    if (use.has_had_its_share()) co_await async_yield();
  }
  error.check();
  co_return datagram;
}

Task<void> send(detail::Socket* socket, std::string_view data, Address peer,
                std::error_code* callers) {
  ErrorTarget error(callers, "coro: send");
  SocketUse use(socket, no_deadline, error.get());
  if (use) {
    IoSlot& slot = use.writable();
    Attempt attempt;
    const auto call = [&] { return detail::send_one(use.fd(), data, &peer); };
    while (!use.try_once(slot, 0, attempt, error.get(), call)) {
      use.watch();
      co_await AsyncIoWait(slot, use.wait_for(slot, attempt.seen));
    }
    if (use.has_had_its_share()) co_await async_yield();
  }
  error.check();
}

}  // namespace

Task<Connection> Connection::async_connect(const Address& peer, nanoseconds timeout) {
  return net::connect(peer, timeout, nullptr);
}
Task<Connection> Connection::async_connect(const Address& peer, nanoseconds timeout,
                                           std::error_code& error) {
  return net::connect(peer, timeout, &error);
}

Task<std::size_t> Connection::async_read(void* buffer, std::size_t size, nanoseconds timeout) {
  return net::read(socket_, buffer, size, timeout, nullptr);
}
Task<std::size_t> Connection::async_read(void* buffer, std::size_t size, nanoseconds timeout,
                                         std::error_code& error) {
  return net::read(socket_, buffer, size, timeout, &error);
}

Task<std::size_t> Connection::async_write(std::string_view data, nanoseconds timeout) {
  return net::write(socket_, data, timeout, nullptr);
}
Task<std::size_t> Connection::async_write(std::string_view data, nanoseconds timeout,
                                          std::error_code& error) {
  return net::write(socket_, data, timeout, &error);
}

Task<Connection> Listener::async_accept(nanoseconds timeout) {
  return net::accept(socket_, timeout, nullptr);
}
Task<Connection> Listener::async_accept(nanoseconds timeout, std::error_code& error) {
  return net::accept(socket_, timeout, &error);
}

Task<Datagram> UdpSocket::async_receive(void* buffer, std::size_t size, nanoseconds timeout) {
  return net::receive(socket_, buffer, size, timeout, nullptr);
}
Task<Datagram> UdpSocket::async_receive(void* buffer, std::size_t size, nanoseconds timeout,
                                        std::error_code& error) {
  return net::receive(socket_, buffer, size, timeout, &error);
}

Task<void> UdpSocket::async_send_to(std::string_view data, const Address& peer) {
  return net::send(socket_, data, peer, nullptr);
}
Task<void> UdpSocket::async_send_to(std::string_view data, const Address& peer,
                                    std::error_code& error) {
  return net::send(socket_, data, peer, &error);
}

}  // namespace coro::net
