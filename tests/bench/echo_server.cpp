// SPDX-License-Identifier: Apache-2.0
// Sends back what it gets, a coroutine for each connection, until it is killed.
// The work is that of peers/echo.go; echo_load asks.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include "coro/go.h"
#include "coro/net.h"
#include "coro/scheduler.h"

namespace {

void serve(coro::net::Connection connection) {
  std::array<char, 2048> buffer;
  for (std::error_code error; !error;) {
    const std::size_t count = connection.read(buffer.data(), buffer.size(), error);
    if (count == 0) return;
    connection.write(std::string_view(buffer.data(), count), error);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const long workers = argc == 2 ? std::atol(argv[1]) : 0;
  if (workers <= 0) {
    std::fputs("usage: echo_server WORKERS\n", stderr);
    return 2;
  }
  coro::net::Listener listener = coro::net::Listener::listen("127.0.0.1", 0);
  std::printf("listening on 127.0.0.1:%u\n", unsigned{listener.port()});
  std::fflush(stdout);
  coro::Scheduler scheduler({.workers = static_cast<unsigned>(workers)});
  scheduler.run([&listener] {
    for (;;) {
      coro::go([connection = listener.accept()]() mutable { serve(std::move(connection)); });
    }
  });
}
