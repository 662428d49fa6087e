// SPDX-License-Identifier: Apache-2.0
// Small random programs on a wait group, checked as channel_check_test does.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "coro/coro.h"
#include "linearizable.h"
#include "seeded.h"

namespace {

struct Operation {
  bool wait = false;
  std::int64_t count = 0;  // added
  bool negative = false;   // and was refused
  Period period;
};

struct Counter {
  std::int64_t count = 0;
  auto operator<=>(const Counter&) const = default;

  bool apply(const Operation& operation) {
    if (operation.wait) return count == 0;
    if (operation.negative) return count + operation.count < 0;
    count += operation.count;
    return count >= 0;
  }
  [[nodiscard]] bool leaves_waiting(const std::vector<const Operation*>& waiting) const {
    for (const Operation* operation : waiting) {
      if (!operation->wait || count == 0) return false;
    }
    return true;
  }
};

class Program {
 public:
  explicit Program(std::uint64_t seed) : random_(static_cast<unsigned>(seed)) {
    coro::Scheduler scheduler({.deterministic = coro::Deterministic{.seed = seed}});
    const std::size_t coroutines = 2 + random_() % 3;
    for (std::size_t i = 0; i < coroutines; ++i) {
      std::vector<std::int64_t> script(2 + random_() % 4);
      for (std::int64_t& step : script) step = static_cast<std::int64_t>(random_() % 5) - 2;
      scripts_.push_back(script);
    }
    for (const auto& script : scripts_) {
      scheduler.go([this, &script] {
        for (const std::int64_t step : script) perform(step);
      });
    }
    try {
      scheduler.wait_empty();
    } catch (const coro::Deadlock&) {
      deadlocked = true;
    }
  }

  [[nodiscard]] bool is_explained() const { return ::is_explained(Counter{}, history_); }

  bool deadlocked = false;

 private:
  // 0 waits, anything else is added.
  void perform(std::int64_t step) {
    const std::size_t place = history_.size();
    history_.push_back({.wait = step == 0, .count = step, .negative = false, .period = {++tick_}});
    bool negative = false;
    try {
      step == 0 ? group_.wait() : group_.add(step);
    } catch (const coro::UsageError&) {
      negative = true;
    }
    history_[place].negative = negative;
    history_[place].period.end = ++tick_;
  }

  std::mt19937 random_;
  coro::WaitGroup group_;
  std::vector<std::vector<std::int64_t>> scripts_;
  std::vector<Operation> history_;
  std::uint64_t tick_ = 0;
};

TEST(WaitGroupCheck, EveryRunIsExplained) {
  unsigned deadlocks = 0;
  for (std::uint64_t seed = 0; seed < check_seeds; ++seed) {
    const Program program(seed);
    ASSERT_TRUE(program.is_explained()) << "seed " << seed;
    if (program.deadlocked) ++deadlocks;
  }
  EXPECT_GT(deadlocks, check_seeds / 10);
  EXPECT_LT(deadlocks, check_seeds);
}

}  // namespace
