// SPDX-License-Identifier: Apache-2.0
// held_lock: a coroutine that holds a lock while it waits, by a wait group, for its
// children, which want that lock. Another one sleeps, so that the process is not dead.
//
// Prints `ready` once they have begun, and goes on until it is killed.
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

// So that the call is where its name says.
[[gnu::noipa]] void hold(coro::Mutex& mutex) {
  mutex.lock();
  asm volatile("");  // not the last thing here: else it would be a jump
}

void write(coro::Mutex& mutex, coro::WaitGroup& group) {
  mutex.lock();
  mutex.unlock();
  group.done();
}

void update() {
  coro::Mutex mutex;
  coro::WaitGroup group;
  hold(mutex);
  group.add(3);
  for (int i = 0; i < 3; ++i) coro::go([&] { write(mutex, group); });
  std::puts("ready");
  std::fflush(stdout);
  group.wait();
  mutex.unlock();
}

}  // namespace

int main() {
  coro::Scheduler scheduler({.workers = 2});
  scheduler.go(update);
  scheduler.go([] { coro::sleep_for(1000h); });
  for (;;) pause();
}
