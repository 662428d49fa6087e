// SPDX-License-Identifier: Apache-2.0
// A response that is never closed.
//
// Wrong:   a response's body comes through a channel from the coroutine that reads
//          it. Who sees that the status is not 200 drops the response: that coroutine
//          waits for ever to hand on the first piece.
// Fix:     close the response on every way out; the reader ends at its next piece.
// Verdict: leak, "chan send" in read_body, no receiver; 1 a round. Fixed: none.
#include <string>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

struct Response {
  int status = 0;
  coro::Channel<std::string> body;
};

void read_body(coro::Channel<std::string> body) {
  try {
    for (int piece = 0; piece < 10; ++piece) {
      coro::sleep_for(1ms);  // the network
      body.send("<p>Internal Server Error</p>");
    }
    body.close();
  } catch (const coro::ChannelClosed&) {
    // nobody wants the rest
  }
}

Response fetch() {
  Response response{.status = 500, .body = coro::Channel<std::string>(0)};
  coro::go([body = response.body] { read_body(body); });
  return response;
}

void update_feed() {
  Response response = fetch();
  if (response.status != 200) {
    if (gallery::fixed) response.body.close();
    return;
  }
  while (response.body.receive()) {
    // parse it
  }
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = update_feed});
}
