// SPDX-License-Identifier: Apache-2.0
// A connection that is never closed.
//
// Wrong:   a client opens a connection for each question and keeps it afterwards. The
//          server, here in the same process, has a coroutine for each, which waits for
//          the next question.
// Fix:     close it when the answer is there.
// Verdict: leak, "IO wait" in serve_connection; 1 a round, until there are no more file
//          descriptors: 2 a round. Fixed: none.
#include <array>
#include <chrono>
#include <system_error>
#include <vector>

#include "case.h"
#include "coro/coro.h"

namespace {

using coro::net::Connection;

coro::net::Listener listener;

void serve_connection(Connection connection) {
  std::array<char, 64> question;
  std::error_code error;
  while (connection.read(question.data(), question.size(), error) > 0) {
    connection.write("forty-two\n", error);
  }
}

void accept_connections() {
  while (listener.is_open()) {
    std::error_code error;
    Connection connection = listener.accept(error);
    if (error) {  // out of descriptors, in the end
      coro::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    coro::go([connection = std::move(connection)]() mutable {
      serve_connection(std::move(connection));
    });
  }
}

void start_server() {
  listener = coro::net::Listener::listen("127.0.0.1", 0);
  coro::go(accept_connections);
}

std::vector<Connection> used;

void ask() {
  std::error_code error;
  Connection connection = Connection::connect("127.0.0.1", listener.port(), error);
  if (error) return;
  connection.write("what is the answer?\n", error);
  std::array<char, 64> answer;
  static_cast<void>(connection.read(answer.data(), answer.size(), error));
  if (!gallery::fixed) used.push_back(std::move(connection));
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = ask, .start = start_server});
}
