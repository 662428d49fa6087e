// SPDX-License-Identifier: Apache-2.0
#include "case.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "coro/coro.h"

namespace gallery {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  std::uint32_t rate = 20;        // rounds a second
  std::uint32_t for_seconds = 0;  // 0: until a signal
  std::uint32_t workers = 2;
  bool help = false;
};

Arguments arguments;

constexpr const char* usage =
    "usage: %s [--leak | --fixed] [--rate N] [--for SECONDS] [--workers N]\n"
    "  --leak         show the fault (the default)\n"
    "  --fixed        the same program with the fault repaired\n"
    "  --rate N       rounds of load a second, 1 to 100000 (20)\n"
    "  --for SECONDS  end so long after `ready`; without it at SIGINT or SIGTERM\n"
    "  --workers N    threads that run coroutines, %u to 1024 (2)\n";

std::uint32_t number(std::string_view flag, const char* text, std::uint32_t least,
                     std::uint32_t most) {
  const std::string_view digits = text == nullptr ? "" : text;
  std::uint32_t value = 0;
  const auto result = std::from_chars(digits.begin(), digits.end(), value);
  if (result.ec != std::errc() || result.ptr != digits.end() || value < least || value > most) {
    throw std::invalid_argument(std::string(flag) + " takes a number from " +
                                std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

void parse(char** argv, unsigned least_workers) {
  arguments.workers = std::max(arguments.workers, least_workers);
  while (*++argv != nullptr) {
    const std::string_view flag = *argv;
    const char* value = argv[1];
    if (flag == "--leak" || flag == "--fixed") {
      fixed = flag == "--fixed";
      continue;
    }
    if (flag == "--help" || flag == "-h") {
      arguments.help = true;
      continue;
    }
    if (flag == "--rate") {
      arguments.rate = number(flag, value, 1, 100'000);
    } else if (flag == "--for") {
      arguments.for_seconds = number(flag, value, 1, 1'000'000'000);
    } else if (flag == "--workers") {
      arguments.workers = number(flag, value, least_workers, 1024);
    } else {
      throw std::invalid_argument("unknown argument '" + std::string(flag) + "'; try --help");
    }
    ++argv;
  }
}

// Rounds on a schedule of their own, so that a slow one does not lower the rate.
// After a pause of the whole process the rounds that were missed stay missed.
[[noreturn]] void make_load(const Case& shown) {
  if (shown.start != nullptr) shown.start();
  std::printf("ready pid %d\n", static_cast<int>(getpid()));
  std::fflush(stdout);
  // Ends it even if a round never returns. 0: no alarm.
  alarm(arguments.for_seconds);
  for (Clock::time_point due = Clock::now();;) {
    shown.round();
    due += std::chrono::duration_cast<Clock::duration>(round_time());
    const Clock::time_point now = Clock::now();
    if (now - due > std::chrono::seconds(1)) due = now;
    coro::sleep_for(due - now);
  }
}

// Blocked before the workers start, so that all threads inherit it.
sigset_t block_ends() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  return ends;
}

// Some cases leak descriptors: they should be able to for a while.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

[[noreturn]] void show(const Case& shown) {
  const sigset_t ends = block_ends();
  raise_descriptor_limit();
  coro::Scheduler scheduler({.workers = arguments.workers});
  scheduler.go([&shown] { make_load(shown); });
  int signal = 0;
  sigwait(&ends, &signal);
  std::fflush(nullptr);
  std::_Exit(0);
}

}  // namespace

std::chrono::nanoseconds round_time() noexcept {
  return std::chrono::nanoseconds(std::chrono::seconds(1)) / arguments.rate;
}

int run(int, char** argv, const Case& shown) {
  const char* name = program_invocation_short_name;
  try {
    parse(argv, shown.least_workers);
    if (!arguments.help) show(shown);
    std::printf(usage, name, shown.least_workers);
    return 0;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 1;
  }
}

}  // namespace gallery
