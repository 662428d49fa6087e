// SPDX-License-Identifier: Apache-2.0
// contending: coroutines that wait for each other all the time, for one lock, so
// never in a circle. Prints `ready` once they do, and goes on until it is killed.
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

#include "coro/coro.h"

namespace {

coro::Mutex mutex;
std::atomic<unsigned> rounds{0};

void contend() {
  for (;;) {
    const std::lock_guard lock(mutex);
    coro::yield();  // the others find it locked
    rounds.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace

int main() {
  coro::Scheduler scheduler({.workers = 2});
  for (int i = 0; i < 4; ++i) scheduler.go(contend);
  while (rounds.load(std::memory_order_relaxed) < 1000) std::this_thread::yield();
  std::puts("ready");
  std::fflush(stdout);
  for (;;) pause();
}
