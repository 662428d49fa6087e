// SPDX-License-Identifier: Apache-2.0
// A pool that runs dry: an error path does not give its connection back.
//
// Wrong:   four connections to the database. A query that fails returns early and keeps
//          its connection. After four failures nobody gets one any more.
// Fix:     give it back on every way out.
// Verdict: leak, "semacquire" in query, no units free; 1 a round, once the pool is dry:
//          every second query of the first eight fails. Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

coro::Semaphore connections{4};

bool run_statement(int number) {
  coro::sleep_for(1ms);  // the network and the work over there
  return number % 2 == 0;
}

void query(int number) {
  connections.acquire();
  const bool good = run_statement(number);
  if (!good) {
    if (gallery::fixed) connections.release();
    return;
  }
  connections.release();
}

void accept_request() {
  static int number = 0;
  coro::go([number = number++] { query(number); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
