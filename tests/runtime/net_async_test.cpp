// SPDX-License-Identifier: Apache-2.0
// Sockets in tasks, and of tasks and fibers together.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::Task;
using coro::net::Connection;
using coro::net::Datagram;
using coro::net::Listener;
using coro::net::no_deadline;
using coro::net::UdpSocket;
using std::chrono::milliseconds;

class NetAsyncTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, NetAsyncTest, testing::Values(0u, 1u, 2u, 8u));

Task<void> echo(Connection connection) {
  std::array<char, 512> buffer;
  for (;;) {
    const std::size_t count = co_await connection.async_read(buffer.data(), buffer.size());
    if (count == 0) co_return;
    co_await connection.async_write({buffer.data(), count});
  }
}

Task<void> serve(Listener& listener) {
  for (;;) {
    std::error_code error;
    Connection connection = co_await listener.async_accept(no_deadline, error);
    if (error) {
      EXPECT_EQ(error, std::errc::operation_canceled);
      co_return;
    }
    coro::go(echo(std::move(connection)));
  }
}

Task<std::string> read_all(Connection& connection, std::size_t size) {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const std::size_t count = co_await connection.async_read(text.data() + done, size - done);
    if (count == 0) break;
    done += count;
  }
  text.resize(done);
  co_return text;
}

Task<void> ask(const Listener& listener, int number, coro::WaitGroup& group) {
  Connection connection = co_await Connection::async_connect(listener.local_address());
  for (int i = 0; i < 5; ++i) {
    const std::string question = "question " + std::to_string(number * 10 + i);
    co_await connection.async_write(question);
    const std::string answer = co_await read_all(connection, question.size());
    EXPECT_EQ(answer, question);
  }
  group.done();
}

TEST_P(NetAsyncTest, EchoesOnManyConnections) {
  Listener listener = Listener::listen("127.0.0.1", 0);
  scheduler_.go(serve(listener));
  scheduler_.run([&listener] {
    coro::WaitGroup group;
    for (int c = 0; c < 100; ++c) {
      group.add(1);
      coro::go(ask(listener, c, group));
    }
    group.wait();
  });
  listener.close();
  scheduler_.wait_empty();
}

Task<void> meet_deadlines(NetPair& pair, Listener& silent) {
  char byte = 0;
  std::error_code error;
  EXPECT_EQ(co_await pair.client.async_read(&byte, 1, milliseconds(2), error), 0u);
  EXPECT_EQ(error, std::errc::timed_out);
  pair.client.set_read_deadline(milliseconds(2));
  EXPECT_EQ(co_await pair.client.async_read(&byte, 1, no_deadline, error), 0u);
  EXPECT_EQ(error, std::errc::timed_out);
  pair.client.set_read_deadline(no_deadline);
  const std::string block(32 << 20, 'x');
  EXPECT_LT(co_await pair.client.async_write(block, milliseconds(20), error), block.size());
  EXPECT_EQ(error, std::errc::timed_out);
  bool thrown = false;
  try {
    static_cast<void>(co_await silent.async_accept(milliseconds(1)));
  } catch (const std::system_error& late) {
    thrown = late.code() == std::errc::timed_out;
  }
  EXPECT_TRUE(thrown);
  co_await pair.server.async_write("y");
  EXPECT_EQ(co_await pair.client.async_read(&byte, 1), 1u);
}

TEST_P(NetAsyncTest, HasDeadlines) {
  NetPair pair = scheduler_.run(connect_pair);
  Listener silent = Listener::listen("127.0.0.1", 0);
  scheduler_.run(meet_deadlines(pair, silent));
}

Task<void> fail_to_read(Connection& connection, coro::WaitGroup& waiting, coro::WaitGroup& group) {
  char byte = 0;
  std::error_code error;
  waiting.done();
  EXPECT_EQ(co_await connection.async_read(&byte, 1, std::chrono::hours(1), error), 0u);
  EXPECT_EQ(error, std::errc::operation_canceled);
  group.done();
}

TEST_P(NetAsyncTest, CloseWakesWhoWaits) {
  scheduler_.run([] {
    NetPair pair = connect_pair();
    coro::WaitGroup waiting;
    coro::WaitGroup group;
    for (int i = 0; i < 3; ++i) {
      waiting.add(1);
      group.add(1);
      coro::go(fail_to_read(pair.client, waiting, group));
    }
    waiting.wait();
    yield_often();
    pair.client.close();
    group.wait();
  });
  scheduler_.wait_empty();
}

Task<void> write_block(Connection& connection, char letter, std::size_t size) {
  const std::string block(size, letter);
  EXPECT_EQ(co_await connection.async_write(block), size);
}

TEST_P(NetAsyncTest, TasksAndFibersTakeTurnsToWrite) {
  static constexpr std::size_t size = 400'000;
  static constexpr int writers = 8;
  NetPair pair = scheduler_.run(connect_pair);
  scheduler_.run([&pair] {
    for (int w = 0; w < writers; ++w) {
      const char letter = static_cast<char>('a' + w);
      if (w % 2 == 0) {
        coro::go(write_block(pair.client, letter, size));
      } else {
        coro::go([&pair, letter] { pair.client.write(std::string(size, letter)); });
      }
    }
    for (int w = 0; w < writers; ++w) {
      const std::string text = read_exactly(pair.server, size);
      EXPECT_EQ(text, std::string(size, text.front()));
    }
  });
  scheduler_.wait_empty();
}

Task<void> exchange_datagrams(UdpSocket& server) {
  UdpSocket client = UdpSocket::bind("127.0.0.1", 0);
  std::array<char, 4> buffer;
  std::error_code error;
  co_await server.async_receive(buffer.data(), buffer.size(), milliseconds(1), error);
  EXPECT_EQ(error, std::errc::timed_out);
  co_await client.async_send_to("question", server.local_address());
  const Datagram question = co_await server.async_receive(buffer.data(), buffer.size());
  EXPECT_EQ(std::string(buffer.data(), question.size), "ques");
  EXPECT_TRUE(question.truncated);
  EXPECT_EQ(question.peer, client.local_address());
}

TEST_P(NetAsyncTest, ExchangesDatagrams) {
  UdpSocket server = UdpSocket::bind("127.0.0.1", 0);
  scheduler_.run(exchange_datagrams(server));
}

Task<void> fail_to_connect(std::uint16_t port) {
  std::error_code error;
  const auto address = coro::net::Address::ip("127.0.0.1", port);
  const Connection none = co_await Connection::async_connect(address, no_deadline, error);
  EXPECT_FALSE(none.is_open());
  EXPECT_EQ(error, std::errc::connection_refused);
}

TEST_P(NetAsyncTest, NobodyThereIsAnError) {
  std::uint16_t port = 0;
  {
    const Listener listener = Listener::listen("127.0.0.1", 0);
    port = listener.port();
  }
  scheduler_.run(fail_to_connect(port));
}

// Tasks that read, write, and wait for their turn to write, with their scheduler
// gone: the sockets stay good.
TEST_P(NetAsyncTest, ASocketOutlivesTasksThatWaitForIt) {
  const auto before = open_files();
  {
    NetPair pair = scheduler_.run(connect_pair);
    {
      coro::Scheduler ending({.workers = 1});
      for (int i = 0; i < 3; ++i) ending.go(write_block(pair.client, 'x', 16 << 20));
      ending.go([&]() -> Task<void> {
        char byte = 0;
        co_await pair.client.async_read(&byte, 1, std::chrono::hours(1));
      });
      while (ending.idle_workers() != ending.workers()) std::this_thread::yield();
    }
    scheduler_.go([&pair] {
      std::string buffer(1 << 20, '\0');
      while (pair.server.read(buffer.data(), buffer.size()) != 0) {
      }
    });
    scheduler_.run([&pair] {
      EXPECT_EQ(pair.client.write("more"), 4u);
      pair.client.shutdown_write();
    });
    scheduler_.wait_empty();
  }
  EXPECT_EQ(open_files(), before);
}

}  // namespace
