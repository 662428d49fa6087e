// SPDX-License-Identifier: Apache-2.0
// A target for observers: repeats an operation of a known number of events on each of
// its workers, from a line "go" on stdin to a line "stop", for which it prints
// "OPERATIONS CPU_NS WALL_NS". So one process serves observers of all kinds in turn, and
// all that an observer counts meanwhile belongs to those operations. Built twice, with
// probes and without.
#include <time.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <list>
#include <string>
#include <string_view>
#include <thread>

#include "at_depth.h"
#include "coro/channel.h"
#include "coro/go.h"
#include "coro/scheduler.h"
#include "coro/task.h"
#include "coro/time.h"
#include "coro/wait_group.h"
#include "probes.h"

namespace {

// Beside these, the 20 return addresses are those of our closures, of the channel and
// of the runtime's two ends.
constexpr int frames_of_a_deep_one = 15;
constexpr long trips_of_a_pair = 1000;
constexpr long spawns_at_a_time = 1000;
constexpr double events_of_a_trip = 4;

constexpr const char* usage =
    "usage: observe_target OPERATION [--workers N] [--work N] [--rate EVENTS_PER_S]\n"
    "                      [--parked N] [--kind fiber|task]\n"
    "Operations: spawn_exit, round_trip, deep_round_trip (parks 20 frames deep)\n";

struct Plan {
  std::string_view operation;
  long workers = 1;
  long work = 0;    // words that are computed between two round trips
  double rate = 0;  // of events of round trips, all workers together; 0: as fast as it goes
  long parked = 0;  // coroutines that wait all the time
  std::string_view kind = "fiber";
};

std::uint64_t now_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(time.tv_nsec);
}

using Numbers = coro::Channel<std::uint64_t>;

// Loop is one worker, with a scheduler of its own, so that all of an operation happens on
// the one thread.
class Loop {
 public:
  explicit Loop(const Plan& plan) : plan_(plan), scheduler_({.workers = 1}) {}

  void start() {
    stop_ = false;
    running_ = true;
    done_ = 0;
    scheduler_.go([this] {
      run();
      running_ = false;
      running_.notify_one();
    });
  }
  std::uint64_t stop() {
    stop_ = true;
    running_.wait(true);
    return done_;
  }
  void park(long count, std::string_view kind);

 private:
  void run();
  void pair_of_trips(int depth, long trips);
  void spawn_many();
  void compute();

  const Plan plan_;
  coro::Scheduler scheduler_;
  Numbers never_{0};
  std::array<std::uint64_t, 2048> words_{1};
  std::atomic<bool> stop_{false};
  std::atomic<bool> running_{false};
  std::uint64_t done_ = 0;  // operations
};

coro::Task<> receive(Numbers& never) {
  co_await never.async_receive();
}

void Loop::park(long count, std::string_view kind) {
  scheduler_.run([&] {
    for (long i = 0; i < count; ++i) {
      if (kind == "task") {
        coro::go(receive(never_));
      } else {
        coro::go([this] { static_cast<void>(never_.receive()); });
      }
    }
  });
  using namespace std::chrono_literals;
  while (scheduler_.idle_workers() != scheduler_.workers()) std::this_thread::sleep_for(1ms);
}

// Reads and writes 16 KiB, over and over, as a program has a part of the cache in use.
void Loop::compute() {
  std::uint64_t sum = words_[0];
  for (long i = 0; i < plan_.work; ++i) {
    std::uint64_t& word = words_[static_cast<std::size_t>(i) % words_.size()];
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    word = sum >> 7;
  }
  words_[0] = sum;
}

// Coroutines of their own for each pair, so that a sample by id has some of many.
void Loop::pair_of_trips(int depth, long trips) {
  Numbers there(0);
  Numbers back(0);
  coro::WaitGroup left;
  left.add(2);
  coro::go([&] {
    auto answer = [&] {
      while (const auto value = there.receive()) back.send(*value);
    };
    coro_bench::at_depth(depth, answer);
    left.done();
  });
  coro::go([&] {
    auto ask = [&] {
      for (long i = 0; i < trips; ++i) {
        compute();
        there.send(1);
        static_cast<void>(back.receive());
      }
      there.close();
    };
    coro_bench::at_depth(depth, ask);
    left.done();
  });
  left.wait();
  done_ += static_cast<std::uint64_t>(trips);
}

void Loop::spawn_many() {
  coro::WaitGroup left;
  left.add(spawns_at_a_time);
  for (long i = 0; i < spawns_at_a_time; ++i) coro::go([&left] { left.done(); });
  left.wait();
  done_ += spawns_at_a_time;
}

void Loop::run() {
  const double trips_a_ns =
      plan_.rate / events_of_a_trip / static_cast<double>(plan_.workers) / 1e9;
  // If paced, what is due in a millisecond.
  const long trips = plan_.rate > 0 ? static_cast<long>(trips_a_ns * 1e6) + 1 : trips_of_a_pair;
  const std::uint64_t began = now_ns(CLOCK_MONOTONIC);
  while (!stop_) {
    if (plan_.operation == "spawn_exit") {
      spawn_many();
    } else {
      pair_of_trips(plan_.operation == "deep_round_trip" ? frames_of_a_deep_one : 0, trips);
    }
    if (plan_.rate <= 0) continue;
    const double due_ns = static_cast<double>(done_) / trips_a_ns;
    const double ahead_ns = due_ns - static_cast<double>(now_ns(CLOCK_MONOTONIC) - began);
    if (ahead_ns > 0) coro::sleep_for(std::chrono::nanoseconds(static_cast<long>(ahead_ns)));
  }
}

// As an observer would raise them, but nobody is there: what is left is what the runtime
// itself does for an event.
void set_semaphores(bool up, bool parked_stacks) {
#if !defined(CORO_NO_PROBES)
  coro_flush_semaphore = up;
  coro_parked_stack_semaphore = up && parked_stacks;
#else
  static_cast<void>(up);
  static_cast<void>(parked_stacks);
#endif
}

void obey(std::list<Loop>& loops) {
  std::uint64_t cpu = 0;
  std::uint64_t wall = 0;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "go") {
      cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
      wall = now_ns(CLOCK_MONOTONIC);
      for (Loop& loop : loops) loop.start();
    } else if (line == "stop") {
      unsigned long long done = 0;
      for (Loop& loop : loops) done += loop.stop();
      std::printf("%llu %llu %llu\n", done,
                  static_cast<unsigned long long>(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu),
                  static_cast<unsigned long long>(now_ns(CLOCK_MONOTONIC) - wall));
      std::fflush(stdout);
    } else if (line == "raise" || line == "raise stacks" || line == "lower") {
      set_semaphores(line != "lower", line == "raise stacks");
    }
  }
}

bool parse(char** argument, Plan& plan) {
  if (*argument == nullptr || *++argument == nullptr) return false;
  plan.operation = *argument;
  for (++argument; *argument != nullptr; ++argument) {
    const std::string_view name = *argument;
    if (*++argument == nullptr) return false;
    if (name == "--workers") {
      plan.workers = std::atol(*argument);
    } else if (name == "--work") {
      plan.work = std::atol(*argument);
    } else if (name == "--rate") {
      plan.rate = std::atof(*argument);
    } else if (name == "--parked") {
      plan.parked = std::atol(*argument);
    } else if (name == "--kind") {
      plan.kind = *argument;
    } else {
      return false;
    }
  }
  const bool known = plan.operation == "spawn_exit" || plan.operation == "round_trip" ||
                     plan.operation == "deep_round_trip";
  return known && plan.workers > 0 && (plan.kind == "fiber" || plan.kind == "task");
}

}  // namespace

int main(int, char** argv) {
  Plan plan;
  if (!parse(argv, plan)) {
    std::fputs(usage, stderr);
    return 2;
  }
  std::list<Loop> loops;
  for (long i = 0; i < plan.workers; ++i) loops.emplace_back(plan);
  loops.front().park(plan.parked, plan.kind);
  std::puts("ready");
  std::fflush(stdout);
  obey(loops);
  std::fflush(stdout);
  std::_Exit(0);  // those that are parked wait for ever
}
