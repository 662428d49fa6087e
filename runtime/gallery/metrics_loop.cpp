// SPDX-License-Identifier: Apache-2.0
// A metrics loop: long-lived by design, not a leak.
//
// Not wrong: one coroutine writes a line of metrics again and again for as long as the
//            process lives, while requests come and go.
// Fixed:     the same, a coroutine of its own for each line: it starts the next one
//            and ends. Always one, never the same for long.
// Verdict:   steady, "sleep" in write_metrics: 1, from the start. In both forms: no leak.
#include <atomic>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

std::atomic<int> requests = 0;

void start_metrics();

void write_metrics() {
  do {
    coro::sleep_for(200ms);
    requests = 0;  // and write the line
  } while (!gallery::fixed);
  start_metrics();
}

void start_metrics() {
  coro::go(write_metrics);
}

void handle_request() {
  ++requests;
  coro::sleep_for(5ms);  // the work
}

void accept_request() {
  coro::go(handle_request);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request, .start = start_metrics});
}
