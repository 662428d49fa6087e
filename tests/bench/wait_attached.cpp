// SPDX-License-Identifier: Apache-2.0
#include "wait_attached.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "probes.h"

namespace coro_bench {
namespace {

// All events, in batches or one by one.
bool all_told() {
  namespace probes = coro::detail::probes;
  return probes::flush_up() ||
         (probes::spawn_up() && probes::park_up() && probes::unpark_up() && probes::exit_up());
}

}  // namespace

bool wait_attached_if_asked() {
  if (std::getenv("CORO_BENCH_WAIT_ATTACHED") == nullptr) return true;
  using namespace std::chrono_literals;
  for (int tries = 0; tries < 3000; ++tries) {
    if (all_told()) {
      std::this_thread::sleep_for(1s);  // the observer's first census is not what we measure
      return true;
    }
    std::this_thread::sleep_for(10ms);
  }
  std::fputs("coro_bench: nobody has attached to the probes in 30 s\n", stderr);
  return false;
}

}  // namespace coro_bench
