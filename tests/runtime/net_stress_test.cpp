// SPDX-License-Identifier: Apache-2.0
// Connections that do at random what connections do, against a model of the bytes:
// each is worth what its place in the stream says, so what arrives is a prefix of
// what was sent, and all of it if nothing went wrong.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <string>
#include <system_error>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::net::Connection;
using coro::net::Listener;
using std::chrono::microseconds;
using Random = std::minstd_rand;

char byte_at(std::size_t place) {
  return static_cast<char>(place * 31 + place / 251);
}

struct Stream {
  std::size_t bytes = 0;
  bool complete = true;  // nothing went wrong on this side
};

microseconds short_time(Random& random) {
  return microseconds(random() % 300);
}

bool is_expected(const std::error_code& error) {
  return error == std::errc::timed_out || error == std::errc::connection_reset ||
         error == std::errc::broken_pipe || error == std::errc::operation_canceled;
}

Stream send_stream(Connection& connection, unsigned seed) {
  Random random(seed);
  Stream stream;
  for (std::size_t writes = random() % 20; writes > 0; --writes) {
    std::string block(random() % 3 == 0 ? random() % 100'000 : random() % 100, '\0');
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = byte_at(stream.bytes + i);
    std::error_code error;
    stream.bytes += random() % 4 == 0 ? connection.write_for(block, short_time(random), error)
                                      : connection.write(block, error);
    if (error && error != std::errc::timed_out) {
      EXPECT_TRUE(is_expected(error)) << error.message();
      stream.complete = false;
      return stream;
    }
    if (random() % 8 == 0) coro::sleep_for(short_time(random));
  }
  std::error_code error;
  connection.shutdown_write(error);
  stream.complete = !error;
  return stream;
}

Stream receive_stream(Connection& connection, unsigned seed) {
  Random random(seed);
  Stream stream;
  std::array<char, 5000> buffer;
  for (;;) {
    std::error_code error;
    const std::size_t size = 1 + random() % buffer.size();
    if (random() % 16 == 0) connection.set_read_deadline(short_time(random));
    const std::size_t count =
        random() % 4 == 0 ? connection.read_for(buffer.data(), size, short_time(random), error)
                          : connection.read(buffer.data(), size, error);
    for (std::size_t i = 0; i < count; ++i) {
      if (buffer[i] == byte_at(stream.bytes + i)) continue;
      ADD_FAILURE() << "a wrong byte at " << stream.bytes + i;
      return stream;
    }
    stream.bytes += count;
    if (error == std::errc::timed_out) {
      connection.set_read_deadline(coro::net::no_deadline);
    } else if (error) {
      EXPECT_TRUE(is_expected(error)) << error.message();
      stream.complete = false;
      return stream;
    } else if (count == 0) {
      return stream;
    }
  }
}

// Sends and receives at once; one connection in eight is closed in the midst of it.
struct Side {
  Stream sent;
  Stream received;

  void run(Connection& connection, unsigned seed) {
    coro::WaitGroup group;
    group.add(2);
    coro::go([&] {
      sent = send_stream(connection, seed);
      group.done();
    });
    coro::go([&] {
      received = receive_stream(connection, seed + 1);
      group.done();
    });
    if (seed % 8 == 3) {
      coro::sleep_for(microseconds(seed % 500));
      connection.close();
    }
    group.wait();
  }
};

void check(const Stream& sent, const Stream& received) {
  EXPECT_LE(received.bytes, sent.bytes);
  if (sent.complete && received.complete) {
    EXPECT_EQ(received.bytes, sent.bytes);
  }
}

void stress(Listener& listener, unsigned count, unsigned seed) {
  coro::WaitGroup group;
  for (unsigned c = 0; c < count; ++c) {
    group.add(1);
    coro::go([&, c] {
      Connection client = Connection::connect(listener.local_address());
      Connection server = listener.accept();  // perhaps that of another client
      NetPair pair = connect_pair();
      client.close();
      server.close();
      Side here;
      Side there;
      coro::WaitGroup sides;
      sides.add(1);
      coro::go([&] {
        there.run(pair.server, seed + 10 * c + 1);
        sides.done();
      });
      here.run(pair.client, seed + 10 * c + 5);
      sides.wait();
      check(here.sent, there.received);
      check(there.sent, here.received);
      group.done();
    });
  }
  group.wait();
}

class NetStressTest : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, NetStressTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(NetStressTest, RandomOperations) {
  const auto before = open_files();
  {
    coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
    Listener listener = Listener::listen("127.0.0.1", 0);
    scheduler.run([&] { stress(listener, 40, 1000 * GetParam()); });
    scheduler.wait_empty();
  }
  EXPECT_EQ(open_files(), before);
}

}  // namespace
