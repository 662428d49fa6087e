// SPDX-License-Identifier: Apache-2.0
// Tests of concurrent programs under many orders of execution. See
// coro::Deterministic for what a seed decides, and what it does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace coro::testing {

struct Exploration {
  // The seeds first, first + 1, ...: `count` of them.
  std::uint64_t first = 0;
  std::uint64_t count = 1000;

  // As in coro::Deterministic and SchedulerOptions.
  double switch_probability = 0.5;
  std::size_t stack_size = 0;

  // Asked after each run whether it failed in a way that throws nothing. With
  // GoogleTest: [] { return ::testing::Test::HasFailure(); }
  std::function<bool()> failed;
};

// SeedFailed is thrown by explore(). The message says which seed failed, how, and
// how to run it again; what the program threw is nested (std::rethrow_if_nested).
class SeedFailed : public std::runtime_error {
 public:
  SeedFailed(std::uint64_t seed, const std::string& message)
      : std::runtime_error(message), seed_(seed) {}
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

 private:
  std::uint64_t seed_;
};

// explore calls program() once for each seed, each time in the first coroutine of
// a deterministic scheduler of its own, and waits until all coroutines that it
// started have ended; those that never do are a Deadlock. Throws SeedFailed after
// the first run that throws or of which `failed` says so, and UsageError in a
// coroutine.
//
// If the process dies in a run, by a signal, by std::terminate or by the report of a
// sanitizer, the seed is written to stderr.
//
// If CORO_SEED is set in the environment, to a number, only that seed is run.
void explore(const Exploration& exploration, const std::function<void()>& program);

// The same with the seeds first, first + 1, ...: `count` of them.
inline void for_each_seed(std::uint64_t first, std::uint64_t count,
                          const std::function<void()>& program) {
  Exploration exploration;
  exploration.first = first;
  exploration.count = count;
  explore(exploration, program);
}

}  // namespace coro::testing
