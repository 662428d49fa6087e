// SPDX-License-Identifier: Apache-2.0
// I/O without a deadline, to a peer that never answers.
//
// Wrong:   a name is looked up with one datagram to a server that is overloaded and
//          drops it. The answer never comes, and nothing ends the wait for it.
// Fix:     a deadline for the answer.
// Verdict: leak, "IO wait" in look_up_name, no deadline; 1 a round, until there are no
//          more file descriptors: 1 a round. Fixed: none.
#include <array>
#include <chrono>
#include <system_error>

#include "case.h"
#include "coro/coro.h"

namespace {

using coro::net::UdpSocket;

UdpSocket server;  // never reads

void look_up_name() {
  std::error_code error;
  UdpSocket socket = UdpSocket::connect(server.local_address());
  if (gallery::fixed) socket.set_deadline(std::chrono::milliseconds(100));
  socket.send("where is www.example.org?", error);
  std::array<char, 512> answer;
  static_cast<void>(socket.receive(answer.data(), answer.size(), error));
}

void start_server() {
  server = UdpSocket::bind("127.0.0.1", 0);
}

void accept_request() {
  coro::go([] {
    try {
      look_up_name();
    } catch (const std::system_error&) {
      // no socket to be had: out of descriptors, in the end
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  return gallery::run(argc, argv, {.round = accept_request, .start = start_server});
}
