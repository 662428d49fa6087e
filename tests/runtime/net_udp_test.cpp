// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <system_error>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::net::Datagram;
using coro::net::UdpSocket;
using std::chrono::milliseconds;

class NetUdpTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  std::array<char, 16> buffer_{};

  [[nodiscard]] std::string text(const Datagram& datagram) const {
    return {buffer_.data(), datagram.size};
  }
};
INSTANTIATE_TEST_SUITE_P(Workers, NetUdpTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(NetUdpTest, SendsAndReceives) {
  UdpSocket server = UdpSocket::bind("127.0.0.1", 0);
  scheduler_.run([&] {
    UdpSocket client = UdpSocket::connect(server.local_address());
    client.send("question");
    const Datagram question = server.receive(buffer_.data(), buffer_.size());
    EXPECT_EQ(text(question), "question");
    EXPECT_EQ(question.peer, client.local_address());
    EXPECT_FALSE(question.truncated);
    coro::go([&] {
      yield_often();
      server.send_to("answer", question.peer);
    });
    EXPECT_EQ(text(client.receive(buffer_.data(), buffer_.size())), "answer");
  });
  scheduler_.wait_empty();
}

TEST_P(NetUdpTest, SaysThatADatagramWasTruncated) {
  scheduler_.run([this] {
    UdpSocket server = UdpSocket::bind("::1", 0);
    UdpSocket client = UdpSocket::bind("::1", 0);
    client.send_to("0123456789abcdefXYZ", server.local_address());
    client.send_to("", server.local_address());
    const Datagram cut = server.receive(buffer_.data(), buffer_.size());
    EXPECT_EQ(text(cut), "0123456789abcdef");
    EXPECT_TRUE(cut.truncated);
    std::error_code error;
    const Datagram empty = server.receive(buffer_.data(), buffer_.size(), error);
    EXPECT_FALSE(error);
    EXPECT_EQ(empty.size, 0u);
    EXPECT_FALSE(empty.truncated);
    EXPECT_EQ(empty.peer, client.local_address());
  });
}

TEST_P(NetUdpTest, Errors) {
  scheduler_.run([this] {
    UdpSocket socket = UdpSocket::bind("127.0.0.1", 0);
    EXPECT_THROW(UdpSocket::bind("127.0.0.1", socket.local_address().port()), std::system_error);
    std::error_code error;
    socket.receive_for(buffer_.data(), buffer_.size(), milliseconds(1), error);
    EXPECT_EQ(error, std::errc::timed_out);
    socket.send_to(std::string(1 << 17, 'x'), socket.local_address(), error);
    EXPECT_EQ(error, std::errc::message_size);
    EXPECT_THROW(socket.send("to whom?"), std::system_error);
    const auto gone = socket.local_address();
    socket.close();
    EXPECT_THROW(socket.receive(buffer_.data(), buffer_.size()), std::system_error);
    UdpSocket client = UdpSocket::connect(gone);
    client.send("is anybody there?");
    client.receive(buffer_.data(), buffer_.size(), error);
    EXPECT_EQ(error, std::errc::connection_refused);
  });
}

// Several receive on one socket: each datagram reaches exactly one.
TEST_P(NetUdpTest, SeveralReceive) {
  constexpr int count = 60;
  UdpSocket server = UdpSocket::bind("127.0.0.1", 0);
  scheduler_.run([&] {
    coro::WaitGroup group;
    std::array<std::atomic<int>, count> seen{};
    group.add(count);
    for (int i = 0; i < count; ++i) {
      coro::go([&] {
        unsigned char number = 0;
        server.receive(&number, 1);
        ++seen[number];
        group.done();
      });
    }
    UdpSocket client = UdpSocket::connect(server.local_address());
    for (int i = 0; i < count; ++i) {
      const char number = static_cast<char>(i);
      client.send({&number, 1});
      if (i % 8 == 0) coro::yield();
    }
    group.wait();
    for (const auto& times : seen) EXPECT_EQ(times, 1);
  });
  scheduler_.wait_empty();
}

}  // namespace
