// SPDX-License-Identifier: Apache-2.0
// everyone_waits: two coroutines, each of which wants to hear from the other first, and a
// third that waits for both. Nobody else is there who could help, but for what MODE says:
//
//   dead    nobody: the main thread waits until all coroutines have ended
//   thread  another thread sleeps, and could wake one when it likes
//   timer   a fourth coroutine sleeps
//   signal  the main thread waits for a signal
//
// Prints `ready` once they have begun.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <thread>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

void exchange(coro::Channel<int> from, coro::Channel<int> to) {
  const auto word = from.receive();
  to.send(*word);
}

// The three.
void meet() {
  const coro::Channel<int> mine(0);
  const coro::Channel<int> theirs(0);
  coro::WaitGroup both;
  both.add(2);
  coro::go([=, &both] {
    exchange(mine, theirs);
    both.done();
  });
  coro::go([=, &both] {
    exchange(theirs, mine);
    both.done();
  });
  coro::go([] {
    std::puts("ready");
    std::fflush(stdout);
  });
  both.wait();
}

}  // namespace

int main(int, char** argv) {
  const std::string_view mode = argv[1] == nullptr ? "" : argv[1];
  if (mode != "dead" && mode != "thread" && mode != "timer" && mode != "signal") {
    std::fputs("usage: everyone_waits dead|thread|timer|signal\n", stderr);
    return 2;
  }
  coro::Scheduler scheduler({.workers = 2});
  scheduler.go(meet);
  if (mode == "timer") scheduler.go([] { coro::sleep_for(1000h); });
  if (mode == "thread") std::thread([] { std::this_thread::sleep_for(1000h); }).detach();
  for (; mode == "signal";) pause();
  scheduler.wait_empty();
}
