// SPDX-License-Identifier: Apache-2.0
// leak_ramp: populations with a known shape.
//
//   leak_ramp MODE [--rate N] [--seconds S] [--workers W] [--on WAIT]
//
//   leak    starts N coroutines a second that wait for ever. WAIT is send (on a
//           channel), receive, select (both), or task: a named C++20 task whose
//           callee's callee receives
//   ramp    the same for S seconds, then no more: a start-up that levels off
//   steady  starts N coroutines a second, each of which lives for 50 ms: busy,
//           but level
//
// Prints `ready` once it has begun, and goes on until it is killed.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::string_view mode;
  unsigned rate = 100;
  unsigned seconds = 5;
  unsigned workers = 2;
  std::string_view on = "send";
};

bool parse(char** argv, Arguments& arguments) {
  if (argv[1] == nullptr) return false;
  arguments.mode = argv[1];
  for (char** name = argv + 2; *name != nullptr; name += 2) {
    const std::string_view option = *name;
    if (name[1] == nullptr) return false;
    const std::string_view text = name[1];
    if (option == "--on") {
      if (text != "send" && text != "receive" && text != "select" && text != "task") return false;
      arguments.on = text;
      continue;
    }
    unsigned* value = option == "--rate"      ? &arguments.rate
                      : option == "--seconds" ? &arguments.seconds
                      : option == "--workers" ? &arguments.workers
                                              : nullptr;
    if (value == nullptr) return false;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), *value);
    if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return false;
  }
  return arguments.mode == "leak" || arguments.mode == "ramp" || arguments.mode == "steady";
}

void send_for_ever(coro::Channel<int> channel) {
  channel.send(1);
}

void receive_for_ever(coro::Channel<int> channel) {
  static_cast<void>(channel.receive());
}

void select_for_ever(coro::Channel<int> channel) {
  coro::select(coro::on_receive(channel), coro::on_receive(channel), coro::on_timeout(1000h));
}

coro::Task<int> read_row(coro::Channel<int> channel) {
  const auto row = co_await channel.async_receive();
  co_return row.value_or(0);
}

coro::Task<int> run_query(coro::Channel<int> channel) {
  const int row = co_await read_row(channel);
  co_return row + 1;
}

coro::Task<> serve_order(coro::Channel<int> channel) {
  const int rows = co_await run_query(channel);
  static_cast<void>(rows);
}

void start_task(const coro::Channel<int>& channel) {
  const coro::StartOptions options{.name = "order", .labels = {{"tenant", "a"}}};
  coro::start(options, [channel] { return serve_order(channel); }).detach();
}

void start_stuck(const Arguments& arguments) {
  const coro::Channel<int> channel(0);
  if (arguments.on == "send") {
    coro::go([channel] { send_for_ever(channel); });
  } else if (arguments.on == "receive") {
    coro::go([channel] { receive_for_ever(channel); });
  } else if (arguments.on == "select") {
    coro::go([channel] { select_for_ever(channel); });
  } else {
    start_task(channel);
  }
}

void start_short() {
  coro::go([] { coro::sleep_for(50ms); });
}

void run(const Arguments& arguments) {
  std::puts("ready");
  std::fflush(stdout);
  const Clock::time_point begin = Clock::now();
  const std::uint64_t most = arguments.mode == "ramp"
                                 ? std::uint64_t{arguments.rate} * arguments.seconds
                                 : std::uint64_t(-1);
  for (std::uint64_t started = 0;;) {
    const std::chrono::duration<double> elapsed = Clock::now() - begin;
    const auto due = std::min(most, static_cast<std::uint64_t>(elapsed.count() * arguments.rate));
    for (; started < due; ++started) {
      arguments.mode == "steady" ? start_short() : start_stuck(arguments);
    }
    coro::sleep_for(5ms);
  }
}

}  // namespace

int main(int, char** argv) {
  Arguments arguments;
  if (!parse(argv, arguments)) {
    std::fputs(
        "usage: leak_ramp leak|ramp|steady [--rate N] [--seconds S] [--workers W] "
        "[--on send|receive|select|task]\n",
        stderr);
    return 2;
  }
  coro::Scheduler scheduler({.workers = arguments.workers});
  scheduler.go([&arguments] { run(arguments); });
  for (;;) pause();
}
