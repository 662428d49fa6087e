// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "checked_program.h"
#include "mutex_model.h"

namespace {

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
    }
    return script;
  }

  bool perform(const Step& step) {
    if (step.action == Action::give) return unlock();
    if (step.patience == Patience::none) return mutex.try_lock();
    if (step.patience == Patience::limited) return mutex.try_lock_for(step.limit);
    mutex.lock();
    return true;
  }

  coro::Task<bool> async_perform(Step step) {
    if (step.action == Action::give) co_return unlock();
    if (step.patience == Patience::none) co_return mutex.try_lock();
    if (step.patience == Patience::limited) co_return co_await mutex.async_try_lock_for(step.limit);
    co_await mutex.async_lock();
    co_return true;
  }

  bool unlock() {
    try {
      mutex.unlock();
    } catch (const coro::UsageError&) {
      return false;
    }
    return true;
  }

  [[nodiscard]] static MutexModel model() { return {}; }

  coro::Mutex mutex;
};

TEST(MutexCheck, EveryRunIsExplained) {
  check_programs<Subject>();
}

TEST(MutexCheck, FewProgramsInManyOrders) {
  check_in_many_orders<Subject>();
}

class MutexCheckOnThreads : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, MutexCheckOnThreads, testing::Values(0u, 1u, 2u, 8u));

TEST_P(MutexCheckOnThreads, EveryRunIsExplained) {
  check_on_threads<Subject>(GetParam());
}

// The check itself sees what is wrong.
TEST(MutexCheckItself, TellsWhatNoMutexDoes) {
  using History = std::vector<Event>;
  const Step try_lock{Action::take, Patience::none};
  const Step lock{Action::take, Patience::unlimited};
  const Step limited{Action::take, Patience::limited};
  const Step unlock{Action::give};
  const Event taken{try_lock, Phase::whole, 1, true, {1, 2}};
  const Event asked{lock, Phase::ask, 2, true, {3, 9}};
  const Event asked_later{lock, Phase::ask, 3, true, {4, 10}};
  const Event unlocked{unlock, Phase::whole, 4, true, {11, 12}};
  const Event had{lock, Phase::outcome, 2, true, {3, 13}};
  const Event had_later{lock, Phase::outcome, 3, true, {4, 13}};
  const Event waits{lock, Phase::outcome, 3, true, {4, Period::never}};
  const Event waits_first{lock, Phase::outcome, 2, true, {3, Period::never}};
  EXPECT_TRUE(is_explained(MutexModel{}, History{taken, asked, unlocked, had}));
  EXPECT_TRUE(is_explained(MutexModel{}, History{taken, asked, asked_later, unlocked, had, waits}));
  EXPECT_TRUE(is_explained(MutexModel{}, History{taken, asked, waits_first}));
  // Two have it; a wake-up is lost; who came last is served; one is forgotten.
  EXPECT_FALSE(is_explained(MutexModel{}, History{taken, taken}));
  EXPECT_FALSE(is_explained(MutexModel{}, History{taken, asked, had}));
  EXPECT_FALSE(is_explained(MutexModel{}, History{taken, asked, unlocked, waits_first}));
  EXPECT_FALSE(is_explained(
      MutexModel{},
      History{
          taken, asked, {lock, Phase::ask, 3, true, {10, 10}}, unlocked, waits_first, had_later}));
  EXPECT_FALSE(is_explained(MutexModel{}, History{unlocked}));
  EXPECT_FALSE(
      is_explained(MutexModel{}, History{taken,
                                         {limited, Phase::ask, 2, true, {3, 4}},
                                         {limited, Phase::outcome, 2, true, {3, Period::never}}}));
}

}  // namespace
