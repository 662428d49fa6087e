// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::net::Connection;
using coro::net::Listener;

void echo_all(Connection connection) {
  std::array<char, 1024> buffer;
  std::error_code error;
  while (const std::size_t count = connection.read(buffer.data(), buffer.size(), error)) {
    connection.write({buffer.data(), count}, error);
    if (error) return;
  }
}

void serve_echo(Listener& listener) {
  for (;;) {
    std::error_code error;
    Connection connection = listener.accept(error);
    if (error) {
      EXPECT_EQ(error, std::errc::operation_canceled);
      return;
    }
    coro::go([connection = std::move(connection)]() mutable { echo_all(std::move(connection)); });
  }
}

class NetTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, NetTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(NetTest, EchoesOnManyConnections) {
  Listener listener = Listener::listen("127.0.0.1", 0);
  scheduler_.go([&listener] { serve_echo(listener); });
  scheduler_.run([port = listener.port()] {
    coro::WaitGroup group;
    for (int c = 0; c < 200; ++c) {
      group.add(1);
      coro::go([port, c, &group] {
        Connection connection = Connection::connect("127.0.0.1", port);
        for (int i = 0; i < 10; ++i) {
          const std::string text = "message " + std::to_string(c * 100 + i);
          connection.write(text);
          EXPECT_EQ(read_exactly(connection, text.size()), text);
        }
        group.done();
      });
    }
    group.wait();
  });
  listener.close();
  scheduler_.wait_empty();
}

TEST_P(NetTest, WritesMoreThanTheSocketHolds) {
  static constexpr std::size_t size = 8 << 20;
  Listener listener = Listener::listen("127.0.0.1", 0);
  scheduler_.go([&listener] {
    Connection connection = listener.accept();
    const std::string text(size, 'x');
    connection.write(text);
  });
  scheduler_.run([port = listener.port()] {
    Connection connection = Connection::connect("127.0.0.1", port);
    EXPECT_EQ(read_exactly(connection, size).size(), size);
    char more = 0;
    EXPECT_EQ(connection.read(&more, 1), 0u);
  });
  scheduler_.wait_empty();
}

TEST_P(NetTest, CloseWakesWhoWaits) {
  Listener listener = Listener::listen("127.0.0.1", 0);
  scheduler_.run([&listener] {
    Connection client = Connection::connect("127.0.0.1", listener.port());
    Connection server = listener.accept();
    coro::WaitGroup group;
    group.add(2);
    coro::go([&] {
      char byte = 0;
      std::error_code error;
      EXPECT_EQ(client.read(&byte, 1, error), 0u);
      EXPECT_EQ(error, std::errc::operation_canceled);
      group.done();
    });
    coro::go([&] {
      std::error_code error;
      listener.accept(error);
      EXPECT_EQ(error, std::errc::operation_canceled);
      group.done();
    });
    for (int i = 0; i < 10; ++i) coro::yield();
    client.close();
    listener.close();
    group.wait();
    EXPECT_FALSE(client.is_open());
    client.close();
    EXPECT_THROW(client.write("x"), std::system_error);
  });
  scheduler_.wait_empty();
}

TEST(Net, Errors) {
  std::uint16_t unused = 0;
  {
    const Listener listener = Listener::listen("127.0.0.1", 0);
    unused = listener.port();
    EXPECT_THROW(Listener::listen("127.0.0.1", unused), std::system_error);
  }
  EXPECT_THROW(Listener::listen("not an address", 0), std::system_error);
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run([unused] {
    std::error_code error;
    EXPECT_FALSE(Connection::connect("127.0.0.1", unused, error).is_open());
    EXPECT_EQ(error, std::errc::connection_refused);
    EXPECT_THROW(Connection::connect("", 1), std::system_error);
  });
}

TEST(Net, PeerThatIsGoneIsAnErrorNotASignal) {
  coro::Scheduler scheduler({.workers = 2});
  Listener listener = Listener::listen("::1", 0);
  scheduler.run([&listener] {
    Connection client = Connection::connect("::1", listener.port());
    listener.accept().close();
    const std::string block(1 << 16, 'x');
    std::error_code error;
    while (!error) client.write(block, error);
    EXPECT_TRUE(error == std::errc::broken_pipe || error == std::errc::connection_reset)
        << error.message();
  });
}

TEST(Net, BlockingOutsideOfACoroutineIsAnError) {
  Listener listener = Listener::listen("127.0.0.1", 0);
  EXPECT_THROW(listener.accept(), coro::UsageError);
}

}  // namespace
