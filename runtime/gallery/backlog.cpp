// SPDX-License-Identifier: Apache-2.0
// A producer that is faster than its consumer: a backlog, not a leak.
//
// Wrong:   uploads come twice as fast as the one writer stores them, and each waits
//          until the writer takes it. More and more wait, but each has its turn.
// Fix:     refuse what finds the queue full; a client can come again later.
// Verdict: backlog, "chan send" in handle_upload: grows by 1 in two rounds while members
//          turn over, oldest first. Not a leak. Fixed: none.
#include <string>

#include "case.h"
#include "coro/coro.h"

namespace {

coro::Channel<std::string> queue{16};

[[noreturn]] void store_uploads() {
  for (;;) {
    static_cast<void>(queue.receive());
    coro::sleep_for(2 * gallery::round_time());  // the disk is slow
  }
}

void handle_upload(std::string file) {
  if (gallery::fixed) {
    static_cast<void>(queue.try_send(file));  // 202 Accepted, or 503 Service Unavailable
  } else {
    queue.send(std::move(file));
  }
}

void start_store() {
  coro::go(store_uploads);
}

void accept_request() {
  coro::go([] { handle_upload("holiday.jpg"); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request, .start = start_store});
}
