// SPDX-License-Identifier: Apache-2.0
// A context that is never cancelled.
//
// Wrong:   each request makes a context of its own for what it starts, answers, and
//          returns without cancelling it. What it started waits for that end for ever.
// Fix:     cancel on every way out, as coro::CancelGuard does.
// Verdict: leak, "chan receive" in hold_lease, the context is not done and has no
//          deadline; 1 a round. Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

void hold_lease(const coro::Context& request) {
  // take the lease
  request.wait();
  // and give it back
}

void handle_request() {
  const auto [request, cancel] = coro::with_cancel(coro::Context::background());
  coro::go([request = request] { hold_lease(request); });
  coro::sleep_for(5ms);  // the work, and the answer
  if (gallery::fixed) cancel();
}

void accept_request() {
  coro::go(handle_request);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
