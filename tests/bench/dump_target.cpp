// SPDX-License-Identifier: Apache-2.0
// A target for dumps: many coroutines of a kind that wait, and one that runs all
// the time and notes for how long it did not. Prints `ready`; then, for each line
// on stdin, the longest it was held up since the last one, in ns. After the line
// "stop" it does not run any more.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include "coro/channel.h"
#include "coro/go.h"
#include "coro/scheduler.h"
#include "coro/task.h"

namespace {

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

coro::Channel<bool> never{0};
std::atomic<std::uint64_t> longest{0};
std::atomic<bool> stopped{false};

void run_all_the_time() {
  for (std::uint64_t last = now_ns(); !stopped.load(std::memory_order_relaxed);) {
    const std::uint64_t now = now_ns();
    // What the other side took meanwhile is lost at most once.
    if (now - last > longest.load(std::memory_order_relaxed)) longest = now - last;
    last = now;
  }
}

coro::Task<> receive() {
  co_await never.async_receive();
}

void start(std::string_view kind, long count) {
  for (long i = 0; i < count; ++i) {
    if (kind == "task") {
      coro::go(receive());
    } else {
      coro::go([] { static_cast<void>(never.receive()); });
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[1] : "";
  const long count = argc == 3 ? std::atol(argv[2]) : 0;
  if (count <= 0 || (kind != "fiber" && kind != "task")) {
    std::fputs("usage: dump_target KIND COUNT   (kinds: fiber, task)\n", stderr);
    return 2;
  }
  coro::Scheduler scheduler({.workers = 2});
  scheduler.run([&] { start(kind, count); });
  while (scheduler.idle_workers() != scheduler.workers()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  scheduler.go(run_all_the_time);
  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "stop") stopped = true;
    std::printf("%llu\n", static_cast<unsigned long long>(longest.exchange(0)));
    std::fflush(stdout);
  }
  std::_Exit(0);  // they wait for ever
}
