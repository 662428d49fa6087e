// SPDX-License-Identifier: Apache-2.0
// Sockets where things go wrong: a descriptor that cannot be watched, a socket that
// outlives the scheduler on which somebody waited for it, or was writing.
#include "socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "coro/coro.h"

namespace {

using coro::net::Connection;
using coro::net::Listener;

void wait_idle(const coro::Scheduler& scheduler) {
  while (scheduler.idle_workers() != scheduler.workers()) std::this_thread::yield();
}

TEST(Socket, MayBeUsedOnOneSchedulerAfterTheOther) {
  Listener listener = Listener::listen("127.0.0.1", 0);
  for (int round = 0; round < 3; ++round) {
    coro::Scheduler scheduler({.workers = 2, .require_empty = true});
    scheduler.go([&listener] { EXPECT_TRUE(listener.accept().is_open()); });
    wait_idle(scheduler);
    scheduler.run(
        [&listener] { static_cast<void>(Connection::connect("127.0.0.1", listener.port())); });
    scheduler.wait_empty();
  }
}

TEST(Socket, IsClosedForGoodAfterASchedulerThatEndedInAWait) {
  Listener listener = Listener::listen("127.0.0.1", 0);
  const std::uint16_t port = listener.port();
  auto scheduler = std::make_unique<coro::Scheduler>(coro::SchedulerOptions{.workers = 1});
  scheduler->go([&listener] { static_cast<void>(listener.accept()); });
  wait_idle(*scheduler);
  scheduler.reset();
  listener.close();  // touches nothing of the coroutine that waited
  EXPECT_NO_THROW(Listener::listen("127.0.0.1", port));
}

// Who has the turn to write, and who waits for it, with their scheduler gone.
TEST(Socket, CanBeWrittenAfterASchedulerThatEndedInAWrite) {
  Listener listener = Listener::listen("127.0.0.1", 0);
  auto ending = std::make_unique<coro::Scheduler>(coro::SchedulerOptions{.workers = 1});
  Connection client;
  Connection server;
  ending->run([&] {
    client = Connection::connect("127.0.0.1", listener.port());
    server = listener.accept();
  });
  const std::string block(16 << 20, 'x');
  for (int i = 0; i < 3; ++i) ending->go([&] { client.write(block); });
  wait_idle(*ending);
  ending.reset();
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([&] {
    std::error_code error;
    client.write_for("x", std::chrono::nanoseconds(1), error);
    EXPECT_EQ(error, std::errc::timed_out);
    coro::go([&] {
      std::string buffer(1 << 20, '\0');
      while (server.read(buffer.data(), buffer.size()) != 0) {
      }
    });
    EXPECT_EQ(client.write("more"), 4u);
    client.close();
  });
  scheduler.wait_empty();
}

// epoll refuses regular files. Whoever tries again must not wait for ever.
TEST(Socket, ADescriptorThatCannotBeWatchedIsAnErrorEachTime) {
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  coro::detail::Socket* socket = coro::detail::open_socket(fd);
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  scheduler.run([socket] {
    for (int i = 0; i < 3; ++i) {
      coro::detail::SocketUse use(socket);
      EXPECT_THROW(use.wait(use.readable(), use.readable().events()), std::system_error);
    }
  });
  coro::detail::release_socket(*socket);
}

}  // namespace
