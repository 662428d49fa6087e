// SPDX-License-Identifier: Apache-2.0
// A condition that is never signalled.
//
// Wrong:   a build that fails is marked as done, but those who wait for it are not told:
//          only the way of success notifies. They sleep on, though it is over.
// Fix:     notify wherever the state changes.
// Verdict: leak, "sync.Cond.Wait" in wait_for_build, not notified; 1 a round. Fixed: none.
#include <memory>
#include <mutex>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

struct Build {
  coro::Mutex mutex;
  coro::Condition changed;
  bool done = false;
  bool good = false;
};

bool compile() {
  coro::sleep_for(20ms);
  return false;  // a semicolon is missing
}

void run_build(Build& build) {
  const bool good = compile();
  const std::lock_guard lock(build.mutex);
  build.good = good;
  build.done = true;
  if (good || gallery::fixed) build.changed.notify_all();
}

void wait_for_build(Build& build) {
  std::unique_lock lock(build.mutex);
  while (!build.done) build.changed.wait(lock);
}

void accept_request() {
  const auto build = std::make_shared<Build>();
  coro::go([build] { run_build(*build); });
  coro::go([build] { wait_for_build(*build); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
