// SPDX-License-Identifier: Apache-2.0
// bad_batches: a program that lies to whoever is told events in batches, or loses them. It
// fires the probe `flush` by itself, with what the runtime would never say.
//
// Prints `ready`. Lines on stdin, each answered by `done` once nothing moves any more:
//   start N     N coroutines that wait for ever, of which all is told as it should be
//   end N       N of those end
//   lose N      start N, but their births are handed over at an address where nothing is
//   unmapped N  a batch of N events at such an address, by no worker and by a real one
//   above N     the same of N events at an address where there is something
//   gap N       a batch of a real worker that begins N events too late
//   nobody N    batches of N workers that nobody has, one event each
//   worker N    start N on a new worker
#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "coro/channel.h"
#include "coro/go.h"
#include "coro/scheduler.h"
#include "descriptor.h"
#include "probes.h"

#if defined(__clang__)
#define ONE_FUNCTION __attribute__((noinline))
#else
#define ONE_FUNCTION __attribute__((noinline, noclone, noipa))
#endif

namespace {

namespace probes = coro::detail::probes;

coro::Channel<int>& channel() {
  static auto* const kept = new coro::Channel<int>(0);
  return *kept;
}

}  // namespace

// The site that is counted.
ONE_FUNCTION void bad_batches_kept(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    coro::go([] { static_cast<void>(channel().receive()); });
  }
}

namespace {

void end(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) channel().send(1);
}

// Page 0 is never mapped.
const coro_event* nowhere() {
  std::uintptr_t address = 64;
  asm volatile("" : "+r"(address));  // the compiler knows that nothing is there, too
  return reinterpret_cast<const coro_event*>(address);
}

// As much as the largest of the batches.
const coro_event* somewhere() {
  static const coro_event nothing[1024]{};
  return nothing;
}

// The one worker of the first scheduler, by which all of this is done: nobody else hands
// over in its name meanwhile.
coro_worker& own_worker() {
  const auto* const first = std::find_if(std::begin(coro_schedulers), std::end(coro_schedulers),
                                         [](const coro_scheduler& one) { return one.id == 1; });
  return *reinterpret_cast<coro_worker*>(first->workers);
}

// What is in the ring, as EventRing::flush does it, but that nobody can read it.
void lose(std::uint64_t count) {
  bad_batches_kept(count);
  coro_worker& worker = own_worker();
  const std::uint64_t first = worker.events_flushed;
  const std::uint64_t waiting = worker.events_written - first;
  if (waiting == 0) return;  // nobody is attached
  probes::flush(nowhere(), waiting, worker.number, first);
  std::atomic_ref(worker.events_flushed).store(first + waiting, std::memory_order_release);
}

void unmapped(std::uint64_t count) {
  probes::flush(nowhere(), count, 0, 0);
  probes::flush(nowhere(), count, own_worker().number, own_worker().events_flushed);
}

void above(std::uint64_t count) {
  probes::flush(somewhere(), count, 0, 0);
  probes::flush(somewhere(), count, own_worker().number, own_worker().events_flushed);
}

void gap(std::uint64_t count) {
  probes::flush(somewhere(), 1, own_worker().number, own_worker().events_flushed + count);
}

void nobody(std::uint64_t count) {
  constexpr std::uint64_t from = 1'000'000'000;
  for (std::uint64_t i = 0; i < count; ++i) probes::flush(nowhere(), 1, from + i, 0);
}

using Act = std::function<void(std::uint64_t)>;
const std::map<std::string, Act> acts{{"start", bad_batches_kept},
                                      {"worker", bad_batches_kept},
                                      {"end", end},
                                      {"lose", lose},
                                      {"unmapped", unmapped},
                                      {"above", above},
                                      {"gap", gap},
                                      {"nobody", nobody}};

// Nobody can run, or is about to.
void wait_quiet(const coro::Scheduler& scheduler, std::uint64_t live) {
  while (scheduler.live() != live || scheduler.idle_workers() != scheduler.workers()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

int main() {
  auto* const scheduler = new coro::Scheduler({.workers = 1});
  std::uint64_t kept = 0;
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    std::uint64_t count = 0;
    words >> what >> count;
    const Act& act = acts.at(what);
    if (what == "worker") {
      auto* const second = new coro::Scheduler({.workers = 1});
      second->go([&act, count] { act(count); });
      wait_quiet(*second, count);
    } else {
      scheduler->go([&act, count] { act(count); });
      if (what == "start" || what == "lose") kept += count;
      if (what == "end") kept -= count;
      wait_quiet(*scheduler, kept);
    }
    std::cout << "done" << std::endl;
  }
  std::_Exit(0);  // what waits for ever waits for ever
}
