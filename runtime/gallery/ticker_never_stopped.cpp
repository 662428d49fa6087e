// SPDX-License-Identifier: Apache-2.0
// A ticker that is never stopped.
//
// Wrong:   a session pings its client at each tick, in a coroutine of its own. When the
//          session is over nobody stops that: the pings go on, to a client that is gone.
// Fix:     leave the loop when the session is over; the ticker stops with it. To stop only
//          the ticker is not enough: it does not close its channel, and the loop would wait
//          for ever.
// Verdict: leak, "chan receive" in send_pings; 1 a round. None of them is stuck: they all
//          wake up again and again, and none ever leaves. Fixed: none.
#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

void ping() {
  // the client
}

void send_pings(const coro::Context& session) {
  coro::Ticker ticker(500ms);
  coro::Channel<coro::TimePoint> ticks = ticker.channel();
  for (bool over = false; !over;) {
    if (gallery::fixed) {
      coro::select(coro::on_receive(ticks, ping), coro::on_done(session, [&over] { over = true; }));
    } else {
      static_cast<void>(ticks.receive());
      ping();
    }
  }
}

void serve_session() {
  const auto [session, cancel] = coro::with_cancel(coro::Context::background());
  const coro::CancelGuard end_of_session(cancel);
  coro::go([session = session] { send_pings(session); });
  coro::sleep_for(20ms);  // the session
}

void accept_client() {
  coro::go(serve_session);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_client});
}
