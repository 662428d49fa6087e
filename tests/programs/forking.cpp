// SPDX-License-Identifier: Apache-2.0
// forking: a hundred coroutines that wait, in a process that forks or becomes another.
// Prints `ready`. SIGUSR1: it executes the program that is its argument, or else itself.
// Then, for each line on stdin:
//
//   fork    forks outside of any coroutine; the child starts a scheduler of its own and
//           coroutines that come and go. Prints the child's number once they do.
//   churn   starts a thousand coroutines that end; prints `done`
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

#include "coro/channel.h"
#include "coro/go.h"
#include "coro/scheduler.h"

namespace {

constexpr int waiting = 100;
constexpr int passing = 1000;
const char* successor = "/proc/self/exe";

// Kept for ever: those who wait refer to it.
coro::Channel<int>& channel() {
  static auto* const kept = new coro::Channel<int>(0);
  return *kept;
}

std::atomic<int> parked;
void wait_for_ever() {
  ++parked;
  static_cast<void>(channel().receive());
}

// Those who say that they wait, or have ended, say so a little before it is so.
void wait_for(const std::atomic<int>& count, int all, const coro::Scheduler& scheduler) {
  while (count < all || scheduler.idle_workers() < scheduler.workers()) std::this_thread::yield();
}

void start_waiting(coro::Scheduler& scheduler) {
  scheduler.go([] {
    for (int i = 0; i < waiting; ++i) coro::go([] { wait_for_ever(); });
  });
  wait_for(parked, waiting, scheduler);
}

void churn(coro::Scheduler& scheduler) {
  std::atomic<int> ended = 0;
  scheduler.go([&ended] {
    for (int i = 0; i < passing; ++i) coro::go([&ended] { ++ended; });
  });
  wait_for(ended, passing, scheduler);
}

// A copy of all that its parent had, but for the threads: nobody runs those coroutines.
[[noreturn]] void be_child() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto* scheduler = new coro::Scheduler({.workers = 1});
  churn(*scheduler);
  std::cout << getpid() << std::endl;
  for (;;) churn(*scheduler);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) successor = argv[1];
  coro::Scheduler scheduler({.workers = 2});
  start_waiting(scheduler);
  struct sigaction action {};
  action.sa_handler = [](int) { execl(successor, successor, nullptr); };
  action.sa_flags = SA_NODEFER;  // or its successor would not hear it
  sigaction(SIGUSR1, &action, nullptr);
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "fork" && fork() == 0) be_child();
    if (line != "churn") continue;
    churn(scheduler);
    std::cout << "done" << std::endl;
  }
  std::_Exit(0);  // there is nobody to end those who wait
}
