// SPDX-License-Identifier: Apache-2.0
// Send without receiver: the first answer wins.
//
// Wrong:   a query goes to three replicas at once and takes the first answer. The
//          channel has no room, so the other two wait for ever to send theirs.
// Fix:     room for every answer that may come.
// Verdict: leak, "chan send" in query_replica, no receiver; 2 a round. Fixed: none.
#include <string>

#include "case.h"
#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

constexpr int replicas = 3;

void query_replica(int replica, coro::Channel<std::string> answers) {
  coro::sleep_for(replica * 2ms);  // the network and the work over there
  answers.send("row 17, says replica " + std::to_string(replica));
}

void query_first() {
  coro::Channel<std::string> answers(gallery::fixed ? replicas : 0);
  for (int replica = 1; replica <= replicas; ++replica) {
    coro::go([replica, answers] { query_replica(replica, answers); });
  }
  static_cast<void>(answers.receive());
}

void accept_request() {
  coro::go(query_first);
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request});
}
