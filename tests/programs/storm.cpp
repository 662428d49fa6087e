// SPDX-License-Identifier: Apache-2.0
// storm: pairs of coroutines that hand each other a turn, and so park and unpark as fast as
// two workers can; now and then one of them starts another, which parks once and ends. It
// knows exactly what it has.
//
//   storm [PAIRS]
//
// Prints `ready`. Lines on stdin:
//   pause   stop; once every coroutine is parked and nothing is in transition, print what
//           churn prints: live and parked of each site, counted by the program itself
//   resume  go on
//   fork    fork while the pairs go on; the child works, until it is killed. Prints the
//           child's number once it does. Not while paused.
//   fork N  the same, but the child works N times and ends with 0; prints its exit code
//   quit    end (as does the end of stdin)
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <deque>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include "churn/sites.h"

#if defined(__clang__)
#define ONE_FUNCTION __attribute__((noinline))
#else
#define ONE_FUNCTION __attribute__((noinline, noclone, noipa))
#endif

namespace {

constexpr int for_ever = 10;               // of those who pass, so that there are always some
constexpr std::uint64_t rounds_each = 64;  // of a pair, until it starts somebody

struct Pair {
  coro::Channel<int> there{0};
  coro::Channel<int> back{0};
};
std::deque<Pair> pairs;
std::atomic<std::int64_t> passing{0};
std::atomic<bool> births_held{false};

void pass(bool stay) {
  if (stay) {
    static_cast<void>(for_ever_channel.receive());
  } else {
    coro::sleep_for(std::chrono::microseconds(50));
    gate.pass();
  }
  --passing;
}

}  // namespace

// One function for each site: its name is what a spawn stack begins with.
ONE_FUNCTION void storm_passing(coro::Scheduler* scheduler, bool stay) {
  ++passing;
  if (scheduler != nullptr) {
    scheduler->go([stay] { pass(stay); });
  } else {
    coro::go([stay] { pass(stay); });
  }
}

namespace {

void lead(Pair& pair) {
  for (std::uint64_t round = coro::current_id();; ++round) {
    gate.pass();
    if (round % rounds_each == 0 && !births_held) storm_passing(nullptr, false);
    pair.there.send(1);
    static_cast<void>(pair.back.receive());
  }
}

void follow(Pair& pair) {
  for (;;) {
    static_cast<void>(pair.there.receive());
    pair.back.send(1);
  }
}

}  // namespace

ONE_FUNCTION void storm_leading(coro::Scheduler& scheduler) {
  for (Pair& pair : pairs) scheduler.go([&pair] { lead(pair); });
}

ONE_FUNCTION void storm_following(coro::Scheduler& scheduler) {
  for (Pair& pair : pairs) scheduler.go([&pair] { follow(pair); });
}

namespace {

template <class Condition>
void wait_until(const Condition& is_so) {
  while (!is_so()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::int64_t all_pairs() {
  return static_cast<std::int64_t>(pairs.size());
}

// Whoever leads, or passes by, is at the gate; so nobody follows; and all workers sleep.
void wait_quiet(const coro::Scheduler& scheduler) {
  wait_until([&] {
    const std::int64_t passed_by = passing;
    return gate.waiting() == all_pairs() + passed_by - for_ever &&
           static_cast<std::int64_t>(scheduler.live()) == 2 * all_pairs() + passed_by &&
           scheduler.idle_workers() == scheduler.workers();
  });
}

void print_truth() {
  const auto site = [](const char* name, std::int64_t count) {
    const std::string live = std::to_string(count);
    return "{\"name\":\"" + std::string(name) + "\",\"live\":" + live + ",\"parked\":" + live + "}";
  };
  std::cout << "{\"sites\":[" << site("storm_leading", all_pairs()) << ","
            << site("storm_following", all_pairs()) << "," << site("storm_passing", passing) << "]}"
            << std::endl;
}

// A copy of all that its parent had, but for the threads: nobody runs those coroutines.
[[noreturn]] void be_child(std::uint64_t times) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto* scheduler = new coro::Scheduler({.workers = 1});
  const std::int64_t copied = passing;
  for (std::uint64_t done = 0; times == 0 || done < times; ++done) {
    for (int i = 0; i < 5; ++i) storm_passing(scheduler, false);
    while (passing > copied) std::this_thread::yield();
    if (times == 0 && done == 0) std::cout << getpid() << std::endl;
  }
  _exit(0);
}

// What a child copies is whole: nobody is about to take from, or give to, what all of the
// process have in common while those who are born are held.
void fork_now(const coro::Scheduler& scheduler, std::uint64_t times) {
  births_held = true;
  wait_until([&] {
    return passing == for_ever &&
           static_cast<std::int64_t>(scheduler.live()) == 2 * all_pairs() + for_ever;
  });
  const pid_t child = fork();
  if (child == 0) be_child(times);
  births_held = false;
  if (times == 0) return;
  int status = 0;
  waitpid(child, &status, 0);
  std::cout << (WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)) << std::endl;
}

void start(coro::Scheduler& scheduler) {
  gate.shut();
  for (int i = 0; i < for_ever; ++i) storm_passing(&scheduler, true);
  storm_following(scheduler);
  storm_leading(scheduler);
  wait_quiet(scheduler);
  std::cout << "ready" << std::endl;
  gate.open();
}

}  // namespace

int main(int argc, char** argv) {
  pairs.resize(argc > 1 ? std::stoul(argv[1]) : 200);
  coro::Scheduler scheduler({.workers = 2});
  start(scheduler);
  bool paused = false;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    if (line == "pause") {
      if (!paused) gate.shut();
      paused = true;
      wait_quiet(scheduler);
      print_truth();
    } else if (line == "resume" && paused) {
      paused = false;
      gate.open();
    } else if (line.starts_with("fork") && !paused) {
      fork_now(scheduler, line.size() > 5 ? std::stoul(line.substr(5)) : 0);
    }
  }
  std::_Exit(0);  // the pairs never end
}
