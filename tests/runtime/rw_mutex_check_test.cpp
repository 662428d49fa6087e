// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "checked_program.h"
#include "mutex_model.h"

namespace {

bool shared(const Step& step) {
  return step.action == Action::take_shared || step.action == Action::give_shared;
}

// A waiting writer keeps readers out; when one unlocks, readers are next.
struct RwMutexModel {
  bool written = false;
  unsigned reading = 0;
  Line writers, readers;
  auto operator<=>(const RwMutexModel&) const = default;

  bool apply(const Event& event) {
    const bool reads = shared(event.step);
    Line& line = reads ? readers : writers;
    if (event.phase == Phase::ask) {
      if ((reads ? try_read() : try_write())) {
        line.served.insert(event.id);
      } else {
        line.waiting.push_back(event.id);
      }
      return true;
    }
    if (event.phase == Phase::outcome) {
      if (!line.leave(event.id, event.success)) return false;
      if (!written && writers.waiting.empty()) admit_readers();
      return true;
    }
    if (event.step.action == Action::give) return end_write() == event.success;
    if (event.step.action == Action::give_shared) return end_read() == event.success;
    return (reads ? try_read() : try_write()) == event.success;
  }

  [[nodiscard]] bool leaves_waiting(const std::vector<const Event*>& waiting) const {
    return std::ranges::all_of(waiting, [this](const Event* event) {
      return event->step.patience == Patience::unlimited &&
             (shared(event->step) ? readers : writers).has(event->id);
    });
  }

 private:
  bool try_write() { return !written && reading == 0 && (written = true); }
  bool try_read() { return !written && writers.waiting.empty() && ++reading != 0; }
  void admit_readers() {
    while (readers.serve_next()) ++reading;
  }
  bool end_write() {
    if (!written) return false;
    written = false;
    admit_readers();
    if (reading == 0) written = writers.serve_next();
    return true;
  }
  bool end_read() {
    if (reading == 0) return false;
    if (--reading == 0) written = writers.serve_next();
    return true;
  }
};

struct Subject {
  static std::vector<Step> random_script(std::mt19937& random) {
    static const std::vector<Step> steps = {
        {Action::take, Patience::unlimited},
        {Action::take, Patience::limited},
        {Action::take, Patience::limited},
        {Action::take, Patience::none},
        {Action::take_shared, Patience::unlimited},
        {Action::take_shared, Patience::unlimited},
        {Action::take_shared, Patience::limited},
        {Action::take_shared, Patience::none},
        {Action::give},
        {Action::give},
        {Action::give_shared},
        {Action::give_shared},
        {Action::give_shared},
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
    if (step.action == Action::give || step.action == Action::give_shared) return unlock(step);
    const bool reads = shared(step);
    switch (step.patience) {
      case Patience::none:
        return reads ? mutex.try_lock_shared() : mutex.try_lock();
      case Patience::limited:
        return reads ? mutex.try_lock_shared_for(step.limit) : mutex.try_lock_for(step.limit);
      case Patience::unlimited:
        reads ? mutex.lock_shared() : mutex.lock();
    }
    return true;
  }

  coro::Task<bool> async_perform(Step step) {
    const bool reads = shared(step);
    if (step.action == Action::give || step.action == Action::give_shared) co_return unlock(step);
    if (step.patience == Patience::none) {
      co_return reads ? mutex.try_lock_shared() : mutex.try_lock();
    }
    if (step.patience == Patience::limited) {
      if (reads) co_return co_await mutex.async_try_lock_shared_for(step.limit);
      co_return co_await mutex.async_try_lock_for(step.limit);
    }
    if (reads) {
      co_await mutex.async_lock_shared();
    } else {
      co_await mutex.async_lock();
    }
    co_return true;
  }

  bool unlock(const Step& step) {
    try {
      shared(step) ? mutex.unlock_shared() : mutex.unlock();
    } catch (const coro::UsageError&) {
      return false;
    }
    return true;
  }

  [[nodiscard]] static RwMutexModel model() { return {}; }

  coro::RwMutex mutex;
};

TEST(RwMutexCheck, EveryRunIsExplained) {
  check_programs<Subject>();
}

TEST(RwMutexCheck, FewProgramsInManyOrders) {
  check_in_many_orders<Subject>();
}

class RwMutexCheckOnThreads : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, RwMutexCheckOnThreads, testing::Values(0u, 1u, 2u, 8u));

TEST_P(RwMutexCheckOnThreads, EveryRunIsExplained) {
  check_on_threads<Subject>(GetParam());
}

}  // namespace
