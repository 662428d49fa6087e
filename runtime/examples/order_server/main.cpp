// SPDX-License-Identifier: Apache-2.0
// order_server: an HTTP server that answers each request with the first answer of
// several back ends. Without --fixed it leaks two coroutines a request; orders.h
// says why.
#include <signal.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string_view>
#include <system_error>

#include "coro/coro.h"
#include "http.h"
#include "orders.h"

namespace {

struct Arguments {
  std::uint16_t port = 8080;
  unsigned workers = 0;
  bool fixed = false;
};

constexpr const char* usage =
    "usage: order_server [--port P] [--workers N] [--fixed]\n"
    "  --port P      listen on 127.0.0.1:P; 0 picks a free port (8080)\n"
    "  --workers N   threads that run coroutines; 0: one for each CPU (0)\n"
    "  --fixed       without the leak\n";

template <class Number>
bool parse_number(const char* text, Number& number) {
  if (text == nullptr) return false;
  const char* end = text + std::strlen(text);
  const auto result = std::from_chars(text, end, number);
  return result.ec == std::errc() && result.ptr == end;
}

std::optional<Arguments> parse_arguments(char** arguments) {
  Arguments parsed;
  while (*++arguments != nullptr) {
    const std::string_view name = *arguments;
    if (name == "--fixed") {
      parsed.fixed = true;
    } else if (name == "--port") {
      if (!parse_number(*++arguments, parsed.port)) return std::nullopt;
    } else if (name == "--workers") {
      if (!parse_number(*++arguments, parsed.workers) || parsed.workers > 1024) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return parsed;
}

std::atomic<std::uint64_t> last_order{0};

bool handle_request(coro::net::Connection& connection, const Request& request, bool fixed) {
  if (request.method != "GET") {
    respond(connection, "405 Method Not Allowed", "only GET\n", false);
    return false;
  }
  const std::string answer = query_all(++last_order, fixed);
  return respond(connection, "200 OK", answer, request.keep_alive) && request.keep_alive;
}

void serve_connection(coro::net::Connection connection, bool fixed) {
  RequestReader reader(connection);
  Request request;
  for (;;) {
    switch (reader.next(request)) {
      case RequestReader::Result::request:
        if (!handle_request(connection, request, fixed)) return;
        break;
      case RequestReader::Result::bad:
        respond(connection, "400 Bad Request", "bad request\n", false);
        return;
      case RequestReader::Result::end:
        return;
    }
  }
}

void accept_connections(coro::net::Listener& listener, bool fixed) {
  while (listener.is_open()) {
    std::error_code error;
    coro::net::Connection connection = listener.accept(error);
    if (!error) {
      coro::go([connection = std::move(connection), fixed]() mutable {
        serve_connection(std::move(connection), fixed);
      });
    } else if (error != std::errc::operation_canceled) {
      // Out of descriptors or memory: others have to end first.
      std::fprintf(stderr, "order_server: accept: %s\n", error.message().c_str());
      coro::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

int serve(const Arguments& arguments) {
  // Blocked before the workers start, so that all threads inherit it.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  coro::net::Listener listener = coro::net::Listener::listen("127.0.0.1", arguments.port);
  coro::SchedulerOptions options;
  if (arguments.workers != 0) options.workers = arguments.workers;
  coro::Scheduler scheduler(options);
  std::printf("listening on 127.0.0.1:%u\n", static_cast<unsigned>(listener.port()));
  std::fflush(stdout);
  scheduler.go([&listener, fixed = arguments.fixed] { accept_connections(listener, fixed); });

  int signal = 0;
  sigwait(&ends, &signal);
  listener.close();
  return 0;  // the scheduler ends and frees whatever still waits
}

}  // namespace

int main(int, char** arguments) {
  const std::optional<Arguments> parsed = parse_arguments(arguments);
  if (!parsed) {
    std::fputs(usage, stderr);
    return 2;
  }
  try {
    const int status = serve(*parsed);
    // Coroutines that were left did not run their destructors, so a leak checker
    // at exit would report what they held.
    std::fflush(nullptr);
    std::_Exit(status);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "order_server: %s\n", error.what());
    return 1;
  }
}
