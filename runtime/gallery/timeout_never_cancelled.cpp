// SPDX-License-Identifier: Apache-2.0
// A context with a timeout whose cancel is never called.
//
// Wrong:   each report has an hour, for the worst case, and takes some milliseconds. Nobody
//          cancels its context when it is there: what watches over it, and the timer, stay
//          for the rest of the hour.
// Fix:     cancel when the work is done, not only when it takes too long.
// Verdict: leak, "chan receive" in watch_over, the context is not done; 1 a round. It would
//          level off after an hour. Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

void watch_over(const coro::Context& report) {
  report.wait();
  // tell the database to give up what still runs for it
}

void write_report() {
  const auto [report, cancel] = coro::with_timeout(coro::Context::background(), 1h);
  coro::go([report = report] { watch_over(report); });
  coro::sleep_for(5ms);  // ask the database
  if (gallery::fixed) cancel();
}

void accept_request() {
  coro::go(write_report);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
