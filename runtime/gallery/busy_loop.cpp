// SPDX-License-Identifier: Apache-2.0
// An endless loop without a wait.
//
// Wrong:   the second batch of metrics finds the collector down and is tried again at
//          once, for ever: the coroutine never waits, and its worker is lost to
//          all others.
// Fix:     wait between two attempts, and give up after some.
// Verdict: busy, push_batch runs without a wait. It happens once and nothing grows: with
//          two workers the other one goes on with the load. Fixed: none.
#include <atomic>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

std::atomic<bool> collector_up = true;

bool try_to_push() {
  return collector_up;
}

void push_batch() {
  for (int attempt = 1; !try_to_push(); ++attempt) {
    if (gallery::fixed && attempt == 5) return;
    if (gallery::fixed) coro::sleep_for(attempt * 10ms);
  }
}

void flush_metrics() {
  static int batch = 0;
  ++batch;
  collector_up = batch == 1;
  if (batch <= 2) coro::go(push_batch);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = flush_metrics, .least_workers = 2});
}
