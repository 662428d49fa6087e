// SPDX-License-Identifier: Apache-2.0
// Nil channel: a handle that was never set.
//
// Wrong:   start_audit makes the channel of the audit log in a local variable and
//          never stores it, so requests send to a default-constructed handle, which
//          refers to no channel: that waits for ever, as Go's nil channel does.
// Fix:     store it.
// Verdict: stuck, "chan send (nil chan)" in record; 1 a round. The writer, too, waits
//          for ever, for events that never come; that is one coroutine. Fixed: none.
#include <string>

#include "case.h"
#include "coro/coro.h"

namespace {

coro::Channel<std::string> audit;

void write_audit(coro::Channel<std::string> events) {
  while (events.receive()) {
    // append to the file
  }
}

void start_audit() {
  coro::Channel<std::string> events(64);
  if (gallery::fixed) audit = events;
  coro::go([events] { write_audit(events); });
}

void record(std::string event) {
  audit.send(std::move(event));
}

void accept_request() {
  coro::go([] { record("GET /orders/17"); });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request, .start = start_audit});
}
