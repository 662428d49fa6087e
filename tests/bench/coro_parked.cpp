// SPDX-License-Identifier: Apache-2.0
// What a parked coroutine keeps in memory: parks many of a kind in a receive on
// one channel, and prints the bytes for each. A kind for each process.
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <thread>

#include "coro/channel.h"
#include "coro/go.h"
#include "coro/scheduler.h"
#include "coro/task.h"
#include "resident.h"

namespace {

// When every worker sleeps, everything that was started has parked.
void wait_all_parked(const coro::Scheduler& scheduler) {
  using namespace std::chrono_literals;
  while (scheduler.idle_workers() != scheduler.workers()) std::this_thread::sleep_for(1ms);
}

// Each kind: parks `count`, or as many as it can, prints, and lets them go. False
// if others have gone than were started.
bool fibers(std::size_t count) {
  coro::Scheduler scheduler({.workers = 1});
  coro::Channel<bool> never(0);
  std::atomic<std::size_t> gone = 0;
  std::size_t started = 0;
  const coro_bench::Memory before = coro_bench::memory_now();
  scheduler.run([&] {
    try {
      for (; started < count; ++started) {
        coro::go([&] {
          if (!never.receive()) gone.fetch_add(1, std::memory_order_relaxed);
        });
      }
    } catch (const std::system_error& error) {
      std::fprintf(stderr, "no more than %zu: %s\n", started, error.what());
    }
  });
  wait_all_parked(scheduler);
  coro_bench::print_each("fiber", started, before);
  never.close();
  scheduler.wait_empty();
  return gone.load(std::memory_order_relaxed) == started;
}

struct Shared {
  coro::Channel<bool> never{0};
  std::size_t gone = 0;  // one worker counts
};

coro::Task<> receive(Shared& shared) {
  co_await shared.never.async_receive();
  ++shared.gone;
}

bool tasks(std::size_t count) {
  coro::Scheduler scheduler({.workers = 1});
  Shared shared;
  const coro_bench::Memory before = coro_bench::memory_now();
  scheduler.run([&] {
    for (std::size_t started = 0; started < count; ++started) coro::go(receive(shared));
  });
  wait_all_parked(scheduler);
  coro_bench::print_each("task", count, before);
  shared.never.close();
  scheduler.wait_empty();
  return shared.gone == count;
}

struct Kind {
  std::string_view name;
  bool (*park)(std::size_t count);
};
constexpr Kind kinds[] = {{"fiber", fibers}, {"task", tasks}};

}  // namespace

int main(int argc, char** argv) {
  const long count = argc == 3 ? std::atol(argv[2]) : 0;
  for (const Kind& kind : kinds) {
    if (count <= 0 || kind.name != argv[1]) continue;
    return kind.park(static_cast<std::size_t>(count)) ? 0 : 1;
  }
  std::fputs("usage: coro_parked KIND COUNT   (kinds: fiber, task)\n", stderr);
  return 2;
}
