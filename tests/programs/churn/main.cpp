// SPDX-License-Identifier: Apache-2.0
// churn: a target that spawns, parks and exits all the time, and knows exactly
// what it has.
//
//   churn [--workers W] [--sites K] [--burst B] [--long L]
//
// Each of K sites has L coroutines that are parked for ever, born before `ready`
// is printed, and a driver coroutine that starts B short-lived ones a millisecond.
// Lines on stdin:
//   pause   stop; when every coroutine is parked and nothing is in transition,
//           print one line of JSON:
//           {"sites":[{"name":"churn_site_a","live":123,"parked":123},...],"live":N}
//   resume  go on
//   quit    end (as does the end of stdin)
// At a quiet moment all who live are parked: the long-lived on a channel for
// ever, drivers and what short-lived ones were caught at a gate. The drivers are
// the site "start_drivers". The controller is the main thread, no coroutine.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include "sites.h"

namespace {

struct Arguments {
  unsigned workers = 2;
  unsigned sites = 4;
  unsigned burst = 20;
  unsigned long_lived = 100;
};

bool parse(char** argv, Arguments& arguments) {
  for (char** name = argv + 1; *name != nullptr; name += 2) {
    const std::string_view option = *name;
    unsigned* value = option == "--workers" ? &arguments.workers
                      : option == "--sites" ? &arguments.sites
                      : option == "--burst" ? &arguments.burst
                      : option == "--long"  ? &arguments.long_lived
                                            : nullptr;
    if (value == nullptr || name[1] == nullptr) return false;
    const char* end = name[1] + std::strlen(name[1]);
    const auto result = std::from_chars(name[1], end, *value);
    if (result.ec != std::errc() || result.ptr != end) return false;
  }
  return arguments.sites >= 1 && arguments.sites <= most_sites;
}

std::int64_t total_live(const Arguments& arguments) {
  std::int64_t total = arguments.sites;  // the drivers
  for (unsigned i = 0; i < arguments.sites; ++i) total += site_at(i).live;
  return total;
}

// Quiet: whoever is alive waits at the gate or for ever, and got there, because
// all workers sleep. Nobody sleeps who could wake up by himself, and nobody is
// between counting itself out and its end.
void wait_quiet(const coro::Scheduler& scheduler, const Arguments& arguments) {
  const auto is_quiet = [&] {
    const std::int64_t live = total_live(arguments);
    const std::int64_t for_ever = std::int64_t{arguments.sites} * arguments.long_lived;
    return gate.waiting() + for_ever == live &&
           static_cast<std::int64_t>(scheduler.live()) == live &&
           scheduler.idle_workers() == scheduler.workers();
  };
  while (!is_quiet()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void print_truth(const Arguments& arguments) {
  std::string line = "{\"sites\":[";
  for (unsigned i = 0; i < arguments.sites; ++i) {
    const Site& site = site_at(i);
    const std::string live = std::to_string(site.live);
    line.append("{\"name\":\"").append(site.name);
    line.append("\",\"live\":").append(live).append(",\"parked\":").append(live).append("},");
  }
  const std::string drivers = std::to_string(arguments.sites);
  line += "{\"name\":\"start_drivers\",\"live\":" + drivers + ",\"parked\":" + drivers + "}]";
  line += ",\"live\":" + std::to_string(total_live(arguments)) + "}\n";
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
}

__attribute__((noinline)) void start_drivers(coro::Scheduler& scheduler,
                                             const Arguments& arguments) {
  for (unsigned i = 0; i < arguments.sites; ++i) {
    Site& site = site_at(i);
    scheduler.go([&site, burst = arguments.burst] { drive(site, burst); });
  }
}

void start(coro::Scheduler& scheduler, const Arguments& arguments) {
  gate.shut();
  for (unsigned i = 0; i < arguments.sites; ++i) {
    Site& site = site_at(i);
    for (unsigned n = 0; n < arguments.long_lived; ++n) site.start(&scheduler, site, true);
  }
  start_drivers(scheduler, arguments);
  wait_quiet(scheduler, arguments);
  std::puts("ready");
  std::fflush(stdout);
  gate.open();
}

}  // namespace

int main(int, char** argv) {
  Arguments arguments;
  if (!parse(argv, arguments)) {
    std::fputs("usage: churn [--workers W] [--sites 1..8] [--burst B] [--long L]\n", stderr);
    return 2;
  }
  coro::Scheduler scheduler({.workers = arguments.workers});
  start(scheduler, arguments);
  bool paused = false;
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    if (line == "pause") {
      if (!paused) gate.shut();
      paused = true;
      wait_quiet(scheduler, arguments);
      print_truth(arguments);
    } else if (line == "resume" && paused) {
      paused = false;
      gate.open();
    }
  }
  std::_Exit(0);  // what waits for ever waits for ever
}
