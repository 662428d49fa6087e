// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>
#include <system_error>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::net::Connection;
using coro::net::Listener;
using coro::net::no_deadline;
using std::chrono::hours;
using std::chrono::milliseconds;

class NetDeadlineTest : public testing::TestWithParam<unsigned> {
 protected:
  // Runs `body` in a coroutine, and waits for all that it has started.
  template <class Body>
  void run(Body body) {
    scheduler_.run(body);
    scheduler_.wait_empty();
  }

  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, NetDeadlineTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(NetDeadlineTest, EndsAReadAndLeavesTheConnectionUsable) {
  run([] {
    NetPair pair = connect_pair();
    char byte = 0;
    std::error_code error;
    EXPECT_EQ(pair.client.read_for(&byte, 1, milliseconds(2), error), 0u);
    EXPECT_EQ(error, std::errc::timed_out);
    EXPECT_THROW(pair.client.read_for(&byte, 1, milliseconds(1)), std::system_error);
    pair.client.set_read_deadline(milliseconds(2));
    EXPECT_EQ(pair.client.read(&byte, 1, error), 0u);
    EXPECT_EQ(error, std::errc::timed_out);
    pair.server.write("x");
    EXPECT_EQ(pair.client.read(&byte, 1, error), 0u) << "past a deadline nothing is done";
    EXPECT_EQ(error, std::errc::timed_out);
    EXPECT_EQ(pair.client.write("y", error), 1u) << "it was that of reading";
    pair.client.set_read_deadline(no_deadline);
    EXPECT_EQ(pair.client.read(&byte, 1, error), 1u);
    EXPECT_FALSE(error);
    EXPECT_EQ(pair.client.read_for(&byte, 1, milliseconds(0), error), 0u);
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

TEST_P(NetDeadlineTest, EndsAWriteAndSaysHowMuchWasTaken) {
  run([] {
    NetPair pair = connect_pair();
    const std::string block(32 << 20, 'x');
    std::error_code error;
    const std::size_t first = pair.client.write_for(block, milliseconds(20), error);
    EXPECT_EQ(error, std::errc::timed_out);
    EXPECT_GT(first, 0u);
    EXPECT_LT(first, block.size());
    pair.client.set_deadline(milliseconds(2));
    const std::array<std::string_view, 2> pieces{block, block};
    const std::size_t second = pair.client.write_pieces(pieces, error);
    EXPECT_EQ(error, std::errc::timed_out);
    pair.client.close();
    EXPECT_EQ(read_exactly(pair.server, 3 * block.size()).size(), first + second);
  });
}

TEST_P(NetDeadlineTest, EndsAnAccept) {
  run([] {
    Listener listener = Listener::listen("127.0.0.1", 0);
    std::error_code error;
    EXPECT_FALSE(listener.accept_for(milliseconds(2), error).is_open());
    EXPECT_EQ(error, std::errc::timed_out);
    listener.set_read_deadline(milliseconds(2));
    EXPECT_THROW(listener.accept(), std::system_error);
    listener.set_deadline(no_deadline);
    const Connection client = Connection::connect(listener.local_address());
    EXPECT_TRUE(listener.accept_for(hours(1)).is_open());
  });
}

// The deadline changes while somebody waits: to later, to none, and to now.
TEST_P(NetDeadlineTest, MayChangeDuringAWait) {
  run([] {
    NetPair pair = connect_pair();
    coro::WaitGroup first;
    coro::WaitGroup group;
    first.add(1);
    group.add(1);
    pair.client.set_read_deadline(milliseconds(500));
    coro::go([&] {
      char byte = 0;
      std::error_code error;
      EXPECT_EQ(pair.client.read(&byte, 1, error), 1u) << error.message();
      first.done();
      EXPECT_EQ(pair.client.read(&byte, 1, error), 0u);
      EXPECT_EQ(error, std::errc::timed_out);
      group.done();
    });
    yield_often();
    pair.client.set_read_deadline(hours(1));
    coro::sleep_for(milliseconds(520));
    pair.client.set_read_deadline(no_deadline);
    pair.server.write("x");
    first.wait();
    yield_often();
    pair.client.set_read_deadline(milliseconds(0));
    group.wait();
  });
}

TEST_P(NetDeadlineTest, EndsTheWaitForAPeerThatNeverAnswers) {
  run([] {
    Listener silent = Listener::listen("127.0.0.1", 0);
    coro::WaitGroup group;
    for (int c = 0; c < 50; ++c) {
      group.add(1);
      coro::go([&, c] {
        Connection connection = Connection::connect(silent.local_address());
        connection.set_deadline(milliseconds(1 + c % 5));
        std::error_code error;
        char byte = 0;
        connection.write("request", error);
        connection.read(&byte, 1, error);
        EXPECT_EQ(error, std::errc::timed_out);
        group.done();
      });
    }
    group.wait();
  });
}

// Data and the deadline race; neither is lost and nothing is left armed.
TEST_P(NetDeadlineTest, RacesWithData) {
  run([] {
    NetPair pair = connect_pair();
    coro::go([&server = pair.server] {
      for (int i = 0; i < 300; ++i) {
        coro::sleep_for(std::chrono::microseconds(20 + i % 30));
        server.write("x");
      }
      server.shutdown_write();
    });
    std::size_t received = 0;
    std::array<char, 64> buffer;
    for (;;) {
      std::error_code error;
      const std::size_t count =
          pair.client.read_for(buffer.data(), buffer.size(), std::chrono::microseconds(50), error);
      received += count;
      if (error) {
        EXPECT_EQ(error, std::errc::timed_out);
      } else if (count == 0) {
        break;
      }
    }
    EXPECT_EQ(received, 300u);
  });
}

// A full backlog drops what knocks: nobody answers.
TEST_P(NetDeadlineTest, EndsAConnect) {
  run([] {
    Listener listener = Listener::listen("127.0.0.1", 0);
    ASSERT_EQ(::listen(listener.native_handle(), 0), 0);
    std::vector<Connection> connections;
    std::error_code error;
    while (!error) {
      connections.push_back(Connection::connect(listener.local_address(), milliseconds(20), error));
    }
    EXPECT_EQ(error, std::errc::timed_out);
    EXPECT_LT(connections.size(), 10u);
    EXPECT_FALSE(
        Connection::connect("127.0.0.1", listener.port(), milliseconds(1), error).is_open());
    EXPECT_EQ(error, std::errc::timed_out);
  });
}

// Writers that wait for their turn have deadlines, too.
TEST_P(NetDeadlineTest, EndsTheWaitForATurnToWrite) {
  run([] {
    NetPair pair = connect_pair();
    coro::WaitGroup group;
    const auto write_until_closed = [&](std::size_t size) {
      group.add(1);
      coro::go([&, size] {
        std::error_code error;
        EXPECT_LT(pair.client.write(std::string(size, 'x'), error), size);
        EXPECT_EQ(error, std::errc::operation_canceled);
        group.done();
      });
    };
    write_until_closed(32 << 20);
    std::error_code error;
    EXPECT_EQ(read_exactly(pair.server, 1), "x");  // it has the turn
    EXPECT_EQ(pair.client.write_for("late", milliseconds(2), error), 0u);
    EXPECT_EQ(error, std::errc::timed_out);
    for (int i = 0; i < 5; ++i) write_until_closed(1);
    yield_often();
    pair.client.close();
    group.wait();
  });
}

}  // namespace
