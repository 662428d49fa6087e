// SPDX-License-Identifier: Apache-2.0
// Several coroutines at one socket.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::net::Connection;
using coro::net::Listener;

class NetSharingTest : public testing::TestWithParam<unsigned> {
 protected:
  template <class Body>
  void run(Body body) {
    scheduler_.run(body);
    scheduler_.wait_empty();
  }

  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, NetSharingTest, testing::Values(0u, 1u, 2u, 8u));

// One event may stand for several connections, and an acceptor takes just one.
TEST_P(NetSharingTest, AcceptorsLoseNoConnection) {
  static constexpr int count = 64;
  run([] {
    Listener listener = Listener::listen("127.0.0.1", 0);
    coro::WaitGroup group;
    group.add(2 * count);
    for (int i = 0; i < count; ++i) {
      coro::go([&] {  // accepts one, and never looks again
        listener.accept().write("x");
        group.done();
      });
    }
    yield_often();
    for (int i = 0; i < count; ++i) {
      coro::go([&] {
        Connection connection = Connection::connect(listener.local_address());
        EXPECT_EQ(read_exactly(connection, 2), "x");
        group.done();
      });
    }
    group.wait();
  });
}

TEST_P(NetSharingTest, EachByteReachesOneReader) {
  static constexpr std::size_t size = 200'000;
  run([] {
    NetPair pair = connect_pair();
    std::atomic<std::size_t> received{0};
    coro::WaitGroup group;
    for (int r = 0; r < 4; ++r) {
      group.add(1);
      coro::go([&] {
        std::array<char, 100> buffer;
        while (const std::size_t count = pair.client.read(buffer.data(), buffer.size())) {
          received += count;
        }
        group.done();
      });
    }
    const std::string part(1000, 'x');
    for (std::size_t i = 0; i < size; i += part.size()) pair.server.write(part);
    pair.server.shutdown_write();
    group.wait();
    EXPECT_EQ(received, size);
  });
}

// What one write sends stays together, however many calls it takes.
TEST_P(NetSharingTest, WritesTakeTurns) {
  static constexpr std::size_t block = 600'000;
  static constexpr int writers = 8;
  run([] {
    NetPair pair = connect_pair();
    coro::WaitGroup group;
    group.add(writers);
    for (int w = 0; w < writers; ++w) {
      coro::go([&, w] {
        const std::string half(block / 2, static_cast<char>('a' + w));
        const std::array<std::string_view, 3> pieces{half, "", half};
        EXPECT_EQ(w % 2 == 0 ? pair.client.write(half + half) : pair.client.write_pieces(pieces),
                  block);
        group.done();
      });
    }
    for (int w = 0; w < writers; ++w) {
      const std::string text = read_exactly(pair.server, block);
      EXPECT_EQ(text, std::string(block, text.front()));
    }
    group.wait();
  });
}

TEST_P(NetSharingTest, EachDirectionEndsOnItsOwn) {
  run([] {
    NetPair pair = connect_pair();
    pair.client.write("question");
    pair.client.shutdown_write();
    EXPECT_EQ(read_exactly(pair.server, 100), "question");
    pair.server.write("answer");
    EXPECT_EQ(read_exactly(pair.client, 6), "answer");
    EXPECT_THROW(pair.client.write("more"), std::system_error);
    coro::WaitGroup group;
    group.add(1);
    coro::go([&] {
      char byte = 0;
      EXPECT_EQ(pair.client.read(&byte, 1), 0u);
      group.done();
    });
    yield_often();
    pair.client.shutdown_read();
    group.wait();
    pair.client.close();
    EXPECT_THROW(pair.client.shutdown_write(), std::system_error);
  });
}

// Urgent data splits a read though there is more: no event says so.
TEST_P(NetSharingTest, UrgentDataDoesNotHoldUpWhatFollows) {
  run([] {
    NetPair pair = connect_pair();
    for (int round = 0; round < 20; ++round) {
      pair.client.write("before");
      ASSERT_EQ(::send(pair.client.native_handle(), "!", 1, MSG_OOB), 1);
      pair.client.write("after");
      EXPECT_EQ(read_exactly(pair.server, 11), "beforeafter");
    }
  });
}

// With one worker, or none, somebody who always finds data must not keep it.
TEST_P(NetSharingTest, AFloodLetsOthersRun) {
  run([] {
    NetPair pair = connect_pair();
    std::atomic<bool> stop{false};
    coro::go([&] { stop = true; });
    char byte = 0;
    std::thread flood([&, fd = pair.client.native_handle()] {
      const std::string block(1 << 16, 'x');
      while (!stop) ::send(fd, block.data(), block.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      ::shutdown(fd, SHUT_WR);
    });
    while (!stop) pair.server.read(&byte, 1);
    flood.join();
  });
}

// accept() says that there is no descriptor left, and goes on when there is.
TEST_P(NetSharingTest, RunningOutOfDescriptorsIsReported) {
  run([] {
    Listener listener = Listener::listen("127.0.0.1", 0);
    Connection first = Connection::connect(listener.local_address());
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = dup(STDIN_FILENO);
    ::close(next);
    const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    std::error_code accepting;
    std::error_code connecting;
    EXPECT_FALSE(listener.accept(accepting).is_open());
    EXPECT_FALSE(Connection::connect(listener.local_address(), coro::net::no_deadline, connecting)
                     .is_open());
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    // Only now: UBSan needs descriptors to check a call of a virtual function.
    EXPECT_EQ(accepting, std::errc::too_many_files_open);
    EXPECT_EQ(connecting, std::errc::too_many_files_open);
    std::error_code error;
    EXPECT_TRUE(listener.accept(error).is_open()) << error.message();
  });
}

TEST_P(NetSharingTest, ManyShortConnectionsLeaveNoDescriptor) {
  const auto before = open_files();
  run([] {
    Listener listener = Listener::listen("127.0.0.1", 0);
    coro::WaitGroup group;
    group.add(1);
    coro::go([&] {
      std::error_code error;
      for (;;) {
        Connection connection = listener.accept(error);
        if (error) break;
        coro::go([connection = std::move(connection)]() mutable { connection.write("x"); });
      }
      EXPECT_EQ(error, std::errc::operation_canceled);
      group.done();
    });
    for (int c = 0; c < 300; ++c) {
      Connection connection = Connection::connect(listener.local_address());
      EXPECT_EQ(read_exactly(connection, 2), "x");
    }
    listener.close();
    group.wait();
  });
  EXPECT_EQ(open_files(), before);
}

}  // namespace
