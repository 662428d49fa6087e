// SPDX-License-Identifier: Apache-2.0
// tenants: requests of three tenants, born at one place and waiting at one place. Those
// of `a` are never answered; those of `b` are, within half a second; those of nobody have
// no label, and are answered as well. Of each tenant's, one in eight waits at another address
// of the same line.
//
// Prints `ready` once it has begun, and goes on until it is killed.
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;

void wait_for(coro::Channel<int> answer) {
  static_cast<void>(answer.receive());
}

void serve(coro::Channel<int> answer) {
  coro::sleep_for(500ms);
  answer.send(1);
}

// As a compiler may make two of one line; what differs is to keep it from making one of them.
// clang-format off
void wait_as_compiled(const coro::Channel<int>& answer, bool otherwise) {
  if (otherwise) { asm volatile("# one"); wait_for(answer); } else { asm volatile("# two"); wait_for(answer); }
}
// clang-format on

void begin(const coro::StartOptions& options, bool answered, bool otherwise) {
  const coro::Channel<int> answer(1);
  coro::start(options, [=] { wait_as_compiled(answer, otherwise); }).detach();
  if (answered) coro::go([answer] { serve(answer); });
}

void run() {
  std::puts("ready");
  std::fflush(stdout);
  for (std::uint64_t i = 0;; ++i) {
    coro::StartOptions options;
    if (i % 4 != 1) options.labels = {{"tenant", i % 4 == 0 ? "a" : "b"}};
    begin(options, i % 4 != 0, i / 4 % 8 == 0);
    coro::sleep_for(5ms);
  }
}

}  // namespace

int main() {
  coro::Scheduler scheduler({.workers = 2});
  scheduler.go(run);
  for (;;) pause();
}
