// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "coro/coro.h"
#include "net_pair.h"

namespace {

using coro::net::Connection;
using coro::net::Listener;
using std::chrono::milliseconds;

// A directory of the test's own, and paths in it.
class NetUnixTest : public testing::TestWithParam<unsigned> {
 protected:
  NetUnixTest() {
    std::string name = testing::TempDir() + "coro-unix-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~NetUnixTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const char* name) const { return directory_ / name; }

  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};

 private:
  std::filesystem::path directory_;
};
INSTANTIATE_TEST_SUITE_P(Workers, NetUnixTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(NetUnixTest, CarriesData) {
  Listener listener = Listener::listen_unix(path("socket"));
  EXPECT_EQ(listener.local_address().to_string(), path("socket"));
  EXPECT_EQ(listener.port(), 0u);
  scheduler_.run([&] {
    coro::go([&] {
      Connection connection = listener.accept();
      connection.write(read_exactly(connection, 5));
    });
    Connection connection = Connection::connect_unix(path("socket"));
    EXPECT_EQ(connection.peer_address(), listener.local_address());
    EXPECT_EQ(connection.local_address().to_string(), "");
    connection.write("hello");
    EXPECT_EQ(read_exactly(connection, 6), "hello");
  });
  scheduler_.wait_empty();
}

TEST_P(NetUnixTest, RemovesItsOwnFileOnly) {
  { const Listener listener = Listener::listen_unix(path("own")); }
  EXPECT_FALSE(std::filesystem::exists(path("own")));
  Listener first = Listener::listen_unix(path("file"));
  EXPECT_THROW(Listener::listen_unix(path("file")), std::system_error);
  EXPECT_TRUE(std::filesystem::exists(path("file"))) << "the failure took the file of the first";
  std::filesystem::rename(path("file"), path("elsewhere"));
  const Listener second = Listener::listen_unix(path("file"));
  first.close();
  EXPECT_TRUE(std::filesystem::exists(path("file"))) << "that of the second listener";
  std::ofstream(path("text")) << "text";
  EXPECT_THROW(Listener::listen_unix(path("text")), std::system_error);
  EXPECT_EQ(std::filesystem::file_size(path("text")), 4u);
}

TEST_P(NetUnixTest, AnAbstractNameHasNoFile) {
  const std::string name =
      "@coro-test-" + std::to_string(getpid()) + "-" + std::to_string(GetParam());
  Listener listener = Listener::listen_unix(name);
  EXPECT_EQ(listener.local_address().to_string(), name);
  scheduler_.run([&] {
    const Connection connection = Connection::connect_unix(name);
    EXPECT_TRUE(listener.accept().is_open());
  });
}

TEST_P(NetUnixTest, NobodyThereIsAnError) {
  scheduler_.run([this] {
    EXPECT_THROW(Connection::connect_unix(path("none")), std::system_error);
    EXPECT_THROW(Connection::connect_unix(""), std::system_error);
    EXPECT_THROW(Connection::connect_unix(path(std::string(200, 'x').c_str())), std::system_error);
  });
}

// connect(2) does not say when there is room in the backlog again.
TEST_P(NetUnixTest, WaitsWhileTheBacklogIsFull) {
  Listener listener = Listener::listen_unix(path("socket"));
  ASSERT_EQ(::listen(listener.native_handle(), 1), 0);
  scheduler_.run([&] {
    std::vector<Connection> connections;
    std::error_code error;
    const auto address = listener.local_address();
    while (!error) connections.push_back(Connection::connect(address, milliseconds(5), error));
    EXPECT_EQ(error, std::errc::timed_out);
    coro::go([&] { static_cast<void>(listener.accept()); });
    EXPECT_TRUE(Connection::connect(address).is_open());
  });
  scheduler_.wait_empty();
}

}  // namespace
