// SPDX-License-Identifier: Apache-2.0
#include "coro/testing.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>
#include <string>

#include "coro/error.h"
#include "coro/scheduler.h"
#include "dying_seed.h"

namespace coro::testing {
namespace {

std::optional<std::uint64_t> wanted_seed() {
  const char* text = std::getenv("CORO_SEED");
  if (text == nullptr || *text == '\0') return std::nullopt;
  std::uint64_t seed = 0;
  const char* end = text + std::strlen(text);
  const auto result = std::from_chars(text, end, seed);
  if (result.ec != std::errc() || result.ptr != end) {
    throw UsageError(std::string("coro: CORO_SEED has to be a decimal number, not ") + text);
  }
  return seed;
}

std::string describe(std::uint64_t seed, const std::string& what) {
  const std::string number = std::to_string(seed);
  return "coro: seed " + number + " failed: " + what +
         "\nTo run it alone, set CORO_SEED=" + number + " in the environment.";
}

void run_seed(const Exploration& exploration, std::uint64_t seed,
              const std::function<void()>& program) {
  const RunningSeed running(seed);
  SchedulerOptions options;
  options.stack_size = exploration.stack_size;
  options.deterministic =
      Deterministic{.seed = seed, .switch_probability = exploration.switch_probability};
  try {
    Scheduler scheduler(options);
    scheduler.run([&program] { program(); });
    scheduler.wait_empty();
  } catch (const std::exception& error) {
    std::throw_with_nested(SeedFailed(seed, describe(seed, error.what())));
  } catch (...) {
    std::throw_with_nested(SeedFailed(seed, describe(seed, "it threw no std::exception")));
  }
  if (exploration.failed && exploration.failed()) {
    throw SeedFailed(seed, describe(seed, "a check failed"));
  }
}

}  // namespace

void explore(const Exploration& exploration, const std::function<void()>& program) {
  detail::require_outside("coro::testing::explore");
  const DyingSeedReporter reporter;
  if (const std::optional<std::uint64_t> seed = wanted_seed()) {
    return run_seed(exploration, *seed, program);
  }
  for (std::uint64_t i = 0; i < exploration.count; ++i) {
    run_seed(exploration, exploration.first + i, program);
  }
}

}  // namespace coro::testing
