// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <system_error>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::net::Address;
using coro::net::Connection;
using coro::net::Listener;

TEST(NetAddress, ReadsAndWritesNumericAddresses) {
  EXPECT_EQ(Address::ip("127.0.0.1", 80).to_string(), "127.0.0.1:80");
  EXPECT_EQ(Address::ip("0:0::1", 65535).to_string(), "[::1]:65535");
  EXPECT_EQ(Address::ip("fe80::1%7", 1).to_string(), "[fe80::1%7]:1");
  EXPECT_EQ(Address::ip("fe80::1%lo", 1), Address::ip("fe80::1%1", 1));
  for (const char* wrong : {"", "localhost", "127.0.0", "1.2.3.4.5", "::1%", "::1%no-such-if",
                            "127.0.0.1:80", "[::1]"}) {
    EXPECT_THROW(Address::ip(wrong, 0), std::system_error) << wrong;
  }
  EXPECT_THROW(Address::ip(std::string("127.0.0.1\0x", 11), 0), std::system_error);
}

TEST(NetAddress, ReadsAndWritesPaths) {
  EXPECT_EQ(Address::unix_path("/run/x").to_string(), "/run/x");
  EXPECT_EQ(Address::unix_path("@name").to_string(), "@name");
  EXPECT_EQ(Address::unix_path(std::string(107, 'x')).host(), std::string(107, 'x'));
  EXPECT_THROW(Address::unix_path(std::string(108, 'x')), std::system_error);
  EXPECT_THROW(Address::unix_path(""), std::system_error);
  EXPECT_EQ(Address().to_string(), "");
}

TEST(NetAddress, ComparesByWhatItSays) {
  EXPECT_EQ(Address::ip("::1", 1), Address::ip("0::1", 1));
  EXPECT_NE(Address::ip("::1", 1), Address::ip("::1", 2));
  EXPECT_NE(Address::ip("127.0.0.1", 1), Address::ip("::1", 1));
  EXPECT_NE(Address::unix_path("a"), Address::unix_path("@a"));
  EXPECT_EQ(Address(), Address());
}

class NetResolveTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, NetResolveTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(NetResolveTest, ConnectsByName) {
  scheduler_.run([] {
    EXPECT_EQ(coro::net::resolve("::1", 5).at(0), Address::ip("::1", 5));
    EXPECT_EQ(coro::net::resolve("localhost", 80).at(0).port(), 80u);
    Listener listener = Listener::listen("127.0.0.1", 0);
    const Connection connection =
        Connection::connect("localhost", listener.port(), std::chrono::hours(1));
    EXPECT_EQ(connection.peer_address(), listener.local_address());
    EXPECT_THROW(coro::net::resolve("", 1), std::system_error);
    std::error_code error;
    EXPECT_TRUE(coro::net::resolve("not a host name", 1, error).empty());
    EXPECT_EQ(error.category(), coro::net::resolve_category());
    EXPECT_FALSE(error.message().empty());
    EXPECT_THROW(Connection::connect("not a host name", 1), std::system_error);
  });
}

}  // namespace
