// SPDX-License-Identifier: Apache-2.0
// Debug files from servers: a real debuginfod, and servers that mean no good.
#include "symbolize/debug_servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "parked_target.h"
#include "symbolize/symbolizer.h"
#include "symbolize/unwinder.h"

namespace coroscope {
namespace {

namespace fs = std::filesystem;

constexpr auto a_minute = std::chrono::minutes(1);

sockaddr_in local(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Listener is a port of this host; who connects is not answered unless asked for.
class Listener {
 public:
  Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address = local(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.get(), 16), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }

  uint16_t port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // The next who connected, or an invalid Fd if nobody does in `timeout_ms`.
  Fd next(int timeout_ms) const {
    pollfd ready{socket_.get(), POLLIN, 0};
    ::poll(&ready, 1, timeout_ms);
    return Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  Fd socket_;
  uint16_t port_ = 0;
};

// What a server says to a request; empty while nobody listens.
std::string ask(uint16_t port, const std::string& path) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = local(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
  if (::write(socket.get(), request.data(), request.size()) < 0) return {};
  std::string answer(4096, '\0');
  const ssize_t got = ::read(socket.get(), answer.data(), answer.size());
  answer.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return answer;
}

// DebugServer is a debuginfod that has the files below a folder, until it is destroyed.
class DebugServer {
 public:
  explicit DebugServer(const std::string& folder) : port_(Listener().port()) {
    const std::string port = std::to_string(port_);
    const char* arguments[] = {"debuginfod", "-F",       "-p",           port.c_str(),
                               "-d",         ":memory:", folder.c_str(), nullptr};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    EXPECT_EQ(::posix_spawnp(&pid_, "debuginfod", &quiet, nullptr,
                             const_cast<char* const*>(arguments), environ),
              0);
    posix_spawn_file_actions_destroy(&quiet);
  }
  DebugServer(const DebugServer&) = delete;
  DebugServer& operator=(const DebugServer&) = delete;
  ~DebugServer() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Waits until it has read the file with this build id.
  bool has(const std::string& build_id) const {
    const auto end = std::chrono::steady_clock::now() + a_minute;
    while (std::chrono::steady_clock::now() < end) {
      if (ask(port_, "/buildid/" + build_id + "/debuginfo").find(" 200 ") != std::string::npos) {
        return true;
      }
      ::poll(nullptr, 0, 20);
    }
    return false;
  }

 private:
  uint16_t port_;
  pid_t pid_ = -1;
};

class DebugServersTest : public testing::Test {
 protected:
  DebugServersTest() {
    std::string pattern = (fs::temp_directory_path() / "coroscope.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    fs::create_directory(folder_ / "served");
    ::setenv("DEBUGINFOD_CACHE_PATH", (folder_ / "cache").c_str(), 1);
  }
  ~DebugServersTest() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    name_servers("");
    ::unsetenv("DEBUGINFOD_CACHE_PATH");
  }

  static void name_servers(const std::string& urls) {
    ::setenv("DEBUGINFOD_URLS", urls.c_str(), 1);
    DebugServers::hide_from_libdw();
  }

  fs::path folder_;
};

const std::vector<std::byte> some_id(20, std::byte{0xab});

TEST_F(DebugServersTest, GiveTheLinesOfAStrippedProgram) {
  // The link of the copy leads nowhere.
  const fs::path program = folder_ / "stripped";
  fs::copy_file(PARKED_DIRECTORY "/parked_debuglink", program);
  fs::copy_file(PARKED_DIRECTORY "/parked_debuglink.debug", folder_ / "served/x.debug");
  ParkedTarget target(program.string());
  ASSERT_TRUE(target.valid());
  const auto caller = [&target] {
    const auto symbolizer = Symbolizer::open(target.process(), target.memory());
    const Parked& parked = target.parked();
    const UnwoundStack stack =
        Unwinder(**symbolizer).unwind(parked.pc, parked.sp, parked.sp, target.stack());
    return (*symbolizer)->frames(stack.pcs.at(1), true).back();
  };
  EXPECT_EQ(caller().function, "") << "without a server";

  const auto modules = list_modules(target.process(), target.memory());
  ASSERT_TRUE(modules.ok());
  const DebugServer server((folder_ / "served").string());
  ASSERT_TRUE(server.has(hex(find_module(*modules, target.parked().pc)->build_id)));
  ::setenv("DEBUGINFOD_URLS", server.url().c_str(), 1);
  const Frame frame = caller();
  EXPECT_EQ(display_name(frame), "demo::Channel<>::send");
  EXPECT_GT(frame.line, 0u);
  EXPECT_EQ(std::getenv("DEBUGINFOD_URLS"), nullptr) << "libdw is not to know it";
}

TEST_F(DebugServersTest, WithoutAnyNobodyIsAsked) {
  const Listener before;
  name_servers(before.url());
  name_servers("");
  EXPECT_FALSE(DebugServers().find(some_id));
  EXPECT_FALSE(before.next(0)) << "nor who was named once";
}

TEST_F(DebugServersTest, OneThatSaysNothingCostsTheBudgetOnce) {
  const Listener silent;
  name_servers(silent.url());
  DebugServers servers(std::chrono::milliseconds(100));
  EXPECT_FALSE(servers.find(some_id));
  EXPECT_TRUE(silent.next(0)) << "it was asked";
  EXPECT_FALSE(servers.find(some_id));
  EXPECT_FALSE(silent.next(0)) << "and not again";
}

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Another program's debug file would name functions that are not there.
TEST_F(DebugServersTest, WhatWasNotAskedForIsNotTaken) {
  const Listener liar;
  const fs::path program = folder_ / "stripped";
  fs::copy_file(PARKED_DIRECTORY "/parked_debuglink", program);
  ParkedTarget target(program.string());
  ASSERT_TRUE(target.valid());
  std::thread answers([&liar] {
    const Fd client = liar.next(60'000);
    const std::string file = contents(PARKED_DIRECTORY "/parked_o0");
    const std::string text =
        "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(file.size()) + "\r\n\r\n" + file;
    for (size_t done = 0; done < text.size();) {
      const ssize_t sent =
          ::send(client.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
      EXPECT_GT(sent, 0);
      if (sent <= 0) return;
      done += static_cast<size_t>(sent);
    }
  });
  name_servers(liar.url());
  const auto symbolizer = Symbolizer::open(target.process(), target.memory());
  const auto modules = list_modules(target.process(), target.memory());
  const Module* module = find_module(*modules, target.parked().pc);
  for (uint64_t pc = module->start; pc < module->end; pc += 16) {
    EXPECT_EQ((*symbolizer)->frames(pc, false).back().function, "") << pc - module->start;
  }
  answers.join();
}

}  // namespace
}  // namespace coroscope
