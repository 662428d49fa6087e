// SPDX-License-Identifier: Apache-2.0
// A select with no cases.
//
// Wrong:   a session has callbacks registered for as long as it lasts, so its coroutine has
//          to stay, and does so by a select without cases. Nothing ends that, not even
//          the end of the session.
// Fix:     wait for the end of the session.
// Verdict: stuck, "select (no cases)" in serve_session; 1 a round. Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

void serve_session(const coro::Context& session) {
  // register for messages
  if (gallery::fixed) {
    coro::select(coro::on_done(session));
  } else {
    coro::select();
  }
  // and leave the register
}

void handle_client() {
  const auto [session, cancel] = coro::with_cancel(coro::Context::background());
  const coro::CancelGuard end_of_session(cancel);
  coro::go([session = session] { serve_session(session); });
  coro::sleep_for(5ms);  // until the client goes away
}

void accept_client() {
  coro::go(handle_client);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_client});
}
