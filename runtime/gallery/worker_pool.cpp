// SPDX-License-Identifier: Apache-2.0
// A worker pool: long-lived by design, not a leak.
//
// Not wrong: eight workers wait for jobs for as long as the process lives. They never
//            leave, most of them wait most of the time, and that is what they are for.
// Fixed:     the same pool, whose workers are replaced after ten jobs each: its members
//            turn over, their number stays.
// Verdict:   steady, "chan receive" in work: 8, from the start. In both forms: no leak.
#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

constexpr int pool_size = 8;
coro::Channel<int> jobs{64};

void start_worker();

void work() {
  for (int done = 0; !gallery::fixed || done < 10; ++done) {
    static_cast<void>(jobs.receive());
    coro::sleep_for(2ms);  // the job
  }
  start_worker();
}

void start_worker() {
  coro::go(work);
}

void start_pool() {
  for (int worker = 0; worker < pool_size; ++worker) start_worker();
}

void add_job() {
  int job = 17;
  static_cast<void>(jobs.try_send(job));
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = add_job, .start = start_pool});
}
