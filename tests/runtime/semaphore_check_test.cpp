// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "checked_program.h"
#include "mutex_model.h"

namespace {

constexpr std::uint64_t all_units = 3;

// First come, first served, whatever each asks for.
struct SemaphoreModel {
  std::uint64_t free = all_units;
  Line line;
  std::vector<std::uint64_t> counts;  // of those in line.waiting
  auto operator<=>(const SemaphoreModel&) const = default;

  bool apply(const Event& event) {
    const std::uint64_t count = event.step.count;
    switch (event.phase) {
      case Phase::ask:
        if (try_take(count)) {
          line.served.insert(event.id);
        } else {
          line.waiting.push_back(event.id);
          counts.push_back(count);
        }
        return true;
      case Phase::outcome:
        return leave(event);
      default:
        return (event.step.action == Action::take ? try_take(count) : give(count)) == event.success;
    }
  }

  [[nodiscard]] bool leaves_waiting(const std::vector<const Event*>& waiting) const {
    return all_wait_in(line, waiting);
  }

 private:
  bool try_take(std::uint64_t count) {
    if (!line.waiting.empty() || count > free) return false;
    free -= count;
    return true;
  }
  bool give(std::uint64_t count) {
    if (free + count > all_units) return false;
    free += count;
    grant();
    return true;
  }
  bool leave(const Event& event) {
    const auto place = std::ranges::find(line.waiting, event.id) - line.waiting.begin();
    const std::size_t before = line.waiting.size();
    if (!line.leave(event.id, event.success)) return false;
    if (line.waiting.size() != before) {
      counts.erase(counts.begin() + place);
      grant();
    }
    return true;
  }
  void grant() {
    while (!counts.empty() && counts.front() <= free) {
      free -= counts.front();
      counts.erase(counts.begin());
      line.serve_next();
    }
  }
};

struct Subject {
  static std::vector<Step> random_script(std::mt19937& random) {
    static const std::vector<Step> steps = {
        {Action::take, Patience::unlimited},
        {Action::take, Patience::unlimited},
        {Action::take, Patience::limited},
        {Action::take, Patience::limited},
        {Action::take, Patience::none},
        {Action::give},
        {Action::give},
        {Action::give},
        {Action::give},
        {Action::pause},
    };
    std::vector<Step> script(1 + random() % 6);
    for (Step& step : script) {
      step = steps[random() % steps.size()];
      step.limit *= 1 + random() % 2;
      step.count = step.action == Action::give ? 1 + random() % 2 : random() % (all_units + 1);
    }
    return script;
  }

  bool perform(const Step& step) {
    if (step.action == Action::give) return release(step.count);
    if (step.patience == Patience::none) return semaphore.try_acquire(step.count);
    if (step.patience == Patience::limited) {
      return semaphore.try_acquire_for(step.limit, step.count);
    }
    semaphore.acquire(step.count);
    return true;
  }

  coro::Task<bool> async_perform(Step step) {
    if (step.action == Action::give) co_return release(step.count);
    if (step.patience == Patience::none) co_return semaphore.try_acquire(step.count);
    if (step.patience == Patience::limited) {
      co_return co_await semaphore.async_try_acquire_for(step.limit, step.count);
    }
    co_await semaphore.async_acquire(step.count);
    co_return true;
  }

  bool release(std::uint64_t count) {
    try {
      semaphore.release(count);
    } catch (const coro::UsageError&) {
      return false;
    }
    return true;
  }

  [[nodiscard]] static SemaphoreModel model() { return {}; }

  coro::Semaphore semaphore{all_units};
};

TEST(SemaphoreCheck, EveryRunIsExplained) {
  check_programs<Subject>();
}

TEST(SemaphoreCheck, FewProgramsInManyOrders) {
  check_in_many_orders<Subject>();
}

class SemaphoreCheckOnThreads : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, SemaphoreCheckOnThreads, testing::Values(0u, 1u, 2u, 8u));

TEST_P(SemaphoreCheckOnThreads, EveryRunIsExplained) {
  check_on_threads<Subject>(GetParam());
}

}  // namespace
