// SPDX-License-Identifier: Apache-2.0
// The server, asked over real sockets.
#include "daemon/http_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "connect.h"

namespace coroscope::daemon {
namespace {

void send_text(const Fd& fd, const std::string& text) {
  EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

std::string read_all(const Fd& fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
    text.append(buffer, static_cast<size_t>(size));
  }
  return text;
}

// The whole answer to one request with these headers, each ended by \r\n.
std::string ask(uint16_t port, const std::string& line, const std::string& headers) {
  const Fd fd = connect_to(port);
  send_text(fd, line + " HTTP/1.1\r\n" + headers + "Connection: close\r\n\r\n");
  return read_all(fd);
}

std::unique_ptr<HttpServer> serve(HttpOptions options = {}) {
  auto server = HttpServer::start(options, [](const Request& request) {
    std::string body = request.path;
    for (const auto& [name, value] : request.parameters) body += " " + name + "=" + value;
    return Response{.status = request.path == "/missing" ? 404 : 200, .body = body};
  });
  if (server) return std::move(*server);
  ADD_FAILURE() << server.error().message;
  return nullptr;
}

constexpr const char* local = "Host: 127.0.0.1\r\n";

// cpp-httplib makes tables at its first request, and is not built with ThreadSanitizer, which does
// not see that they are guarded: where the first requests come at once, it calls that a race. So
// one comes alone, and its threads have ended before there are others.
class FirstRequest : public ::testing::Environment {
  void SetUp() override {
    const auto server = serve();
    ASSERT_TRUE(server);
    ask(server->port(), "GET /", local);
  }
};
[[maybe_unused]] const auto* const first_request =
    ::testing::AddGlobalTestEnvironment(new FirstRequest);

TEST(HttpServer, Answers) {
  const auto server = serve();
  ASSERT_TRUE(server);
  const std::string answer = ask(server->port(), "GET /metrics?pid=7&debug=1", local);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n/metrics debug=1 pid=7")) << answer;
  EXPECT_TRUE(ask(server->port(), "GET /missing", local).starts_with("HTTP/1.1 404"));
}

TEST(HttpServer, OnlyWhoAsksForIt) {
  const auto server = serve();
  ASSERT_TRUE(server);
  const auto status = [&](const std::string& line, const std::string& headers) {
    return ask(server->port(), line, headers).substr(9, 3);
  };
  EXPECT_EQ(status("GET /", "Host: localhost:9177\r\n"), "200");
  EXPECT_EQ(status("GET /", "Host: [::1]:9177\r\n"), "200");
  EXPECT_EQ(status("GET /", "Host: evil.example\r\n"), "403") << "its name may lead to us";
  EXPECT_EQ(status("GET /", ""), "403");
  EXPECT_EQ(status("GET /", "Host: 127.0.0.1\r\nOrigin: http://evil.example\r\n"), "403");
  EXPECT_EQ(status("GET /", "Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"), "200");
  EXPECT_EQ(status("POST /", std::string(local) + "Content-Length: 0\r\n"), "405");
  EXPECT_EQ(status("DELETE /", local), "405");
}

TEST(HttpServer, ATokenIsNeededIfThereIsOne) {
  const auto server = serve({.token = "secret"});
  ASSERT_TRUE(server);
  const auto status = [&](const std::string& headers) {
    return ask(server->port(), "GET /", local + headers).substr(9, 3);
  };
  EXPECT_EQ(status(""), "401");
  EXPECT_EQ(status("Authorization: Bearer wrong!\r\n"), "401");
  EXPECT_EQ(status("Authorization: Bearer secre\r\n"), "401");
  EXPECT_EQ(status("Authorization: Bearer secret2\r\n"), "401");
  EXPECT_EQ(status("Authorization: Bearer secret\r\n"), "200");
}

TEST(HttpServer, SomePathsNeedNoToken) {
  const auto server = serve({.token = "secret", .is_public = [](const Request& request) {
                               return request.path == "/healthz";
                             }});
  ASSERT_TRUE(server);
  const auto status = [&](const std::string& path, const std::string& headers) {
    return ask(server->port(), "GET " + path, headers).substr(9, 3);
  };
  EXPECT_EQ(status("/healthz", local), "200");
  EXPECT_EQ(status("/healthz?all=1", local), "200");
  EXPECT_EQ(status("/healthz/", local), "401");
  EXPECT_EQ(status("//healthz", local), "401");
  EXPECT_EQ(status("/metrics", local), "401");
  EXPECT_EQ(status("/healthz", "Host: evil.example\r\n"), "403");
}

TEST(HttpServer, WhatIsPublicNeedsNoTokenButAllElse) {
  const auto server = serve({.token = "secret", .is_public = [](const Request& request) {
                               return request.path == "/page" && request.browser;
                             }});
  ASSERT_TRUE(server);
  const auto status = [&](const std::string& line, const std::string& headers) {
    return ask(server->port(), line, headers).substr(9, 3);
  };
  const std::string browser = "Accept: text/html,*/*;q=0.8\r\n";
  EXPECT_EQ(status("GET /page", local + browser), "200");
  EXPECT_EQ(status("GET /page", local), "401");
  EXPECT_EQ(status("GET /metrics", local + browser), "401");
  EXPECT_EQ(status("POST /page", local + browser + "Content-Length: 0\r\n"), "405");
  EXPECT_EQ(status("GET /page", "Host: evil.example\r\n" + browser), "403");
}

TEST(HttpServer, SendsTheHeadersOfAnAnswer) {
  const auto server = HttpServer::start({}, [](const Request&) {
    return Response{.body = "x", .headers = {{"X-Frame-Options", "DENY"}}};
  });
  ASSERT_TRUE(server);
  const std::string answer = ask((*server)->port(), "GET /", local);
  EXPECT_NE(answer.find("\r\nX-Frame-Options: DENY\r\n"), std::string::npos) << answer;
}

TEST(HttpServer, ListensForOthersWithATokenOnly) {
  const auto refused = HttpServer::start({.host = "0.0.0.0"}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_NE(refused.error().message.find("token_file"), std::string::npos);
  EXPECT_TRUE(serve({.host = "0.0.0.0", .token = "secret"}));
}

TEST(HttpServer, APortThatIsTakenIsAnError) {
  const auto server = serve();
  ASSERT_TRUE(server);
  const auto second = HttpServer::start({.port = server->port()}, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::environment);
  EXPECT_NE(second.error().message.find(std::to_string(server->port())), std::string::npos);
}

// More than it has threads, and than it lets wait, that say nothing; and one that began a request.
TEST(HttpServer, DoesNotWaitForSlowClientsAtItsEnd) {
  auto server = serve();
  ASSERT_TRUE(server);
  std::vector<Fd> silent;
  for (int i = 0; i < 24; ++i) silent.push_back(connect_to(server->port()));
  send_text(silent.front(), "GET / HTTP/1.1\r\nHost:");
  server.reset();
  // Its end, and not our time-out, is what they see.
  for (const Fd& fd : silent) read_all(fd);
}

// Sends a byte now and then until the other side has enough of it.
void trickle(const Fd& fd, const std::atomic<bool>& ended) {
  send_text(fd, "GET / HTTP/1.1\r\nX: ");
  while (!ended && ::send(fd.get(), "x", 1, MSG_NOSIGNAL) == 1) {
    pollfd closed{fd.get(), POLLRDHUP, 0};
    if (::poll(&closed, 1, 20) > 0) return;
  }
}

// They hold all threads, each says something all the time, and none comes to its end.
TEST(HttpServer, WhoTakesTooLongToAskMakesRoomForOthers) {
  const auto server = serve({.limits = {.request = std::chrono::seconds(1)}});
  ASSERT_TRUE(server);
  std::atomic<bool> ended{false};
  std::vector<std::thread> slow;
  for (int i = 0; i < 12; ++i) {
    slow.emplace_back([&, fd = connect_to(server->port())] { trickle(fd, ended); });
  }
  EXPECT_TRUE(ask(server->port(), "GET /x", local).starts_with("HTTP/1.1 200"));
  // Each is hung up on: not because the test ends.
  for (std::thread& client : slow) client.join();
  ended = true;
}

// A byte now and then of what is far more than the kernel keeps for one that does not read.
TEST(HttpServer, WhoTakesTooLongToReadIsHungUpOn) {
  const std::string large(64 << 20, 'x');
  auto server = HttpServer::start({.limits = {.response = std::chrono::milliseconds(300)}},
                                  [&](const Request&) { return Response{.body = large}; });
  ASSERT_TRUE(server);
  const Fd fd = connect_to((*server)->port());
  send_text(fd, std::string("GET / HTTP/1.1\r\n") + local + "\r\n");
  size_t read = 0;
  char buffer[4096];
  for (ssize_t size = 0; (size = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;) {
    read += static_cast<size_t>(size);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_GT(read, 0u);
  EXPECT_LT(read, large.size());
}

// What an answer takes to make is not the client's time.
TEST(HttpServer, AnAnswerMayTakeLongerThanItsQuestion) {
  using std::chrono::milliseconds;
  auto server =
      HttpServer::start({.limits = {.request = milliseconds(1'000)}}, [](const Request& request) {
        std::this_thread::sleep_for(milliseconds(1'500));
        return Response{.body = request.path};
      });
  ASSERT_TRUE(server);
  EXPECT_TRUE(ask((*server)->port(), "GET /x", local).ends_with("\r\n\r\n/x"));
}

TEST(HttpServer, ManyAtOnceGetTheirAnswers) {
  const auto server = serve();
  ASSERT_TRUE(server);
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      for (int n = 0; n < 25; ++n) {
        good += ask(server->port(), "GET /x", local).starts_with("HTTP/1.1 200");
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good, 200);
}

// As browsers with an open page, and more of them than there are threads.
TEST(HttpServer, WhoWouldAskAgainLaterHoldsNobodyUp) {
  const auto server = serve();
  ASSERT_TRUE(server);
  std::vector<Fd> staying;
  for (int i = 0; i < 8; ++i) {
    staying.push_back(connect_to(server->port()));
    send_text(staying.back(),
              "GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n");
    const std::string answer = read_all(staying.back());
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  }
}

TEST(Hosts, WhoIsLoopbackAndWhoIsAnswered) {
  for (const char* host : {"127.0.0.1", "127.1.2.3", "::1", "localhost"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "10.0.0.1", "127.evil.example", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
  EXPECT_TRUE(is_allowed_host("10.0.0.1:80", "0.0.0.0"));
  EXPECT_TRUE(is_allowed_host("box.example:80", "box.example"));
  EXPECT_FALSE(is_allowed_host("box.example:80", "0.0.0.0"));
  EXPECT_FALSE(is_allowed_host("127.0.0.1.evil.example", "127.0.0.1"));
  EXPECT_FALSE(is_allowed_host("[::1", "::1"));
}

}  // namespace
}  // namespace coroscope::daemon
