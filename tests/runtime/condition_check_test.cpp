// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <vector>

#include "checked_program.h"
#include "mutex_model.h"

namespace {

// A wait unlocks the mutex and enters the line in one step. Who is notified, or
// gives up, leaves the line, and later asks for the mutex like anybody else.
struct ConditionModel {
  MutexModel mutex;
  Line line;
  std::set<unsigned> returning;  // have left the line, have not asked for the mutex
  auto operator<=>(const ConditionModel&) const = default;

  bool apply(const Event& event) {
    if (event.step.action == Action::wait) return apply_wait(event);
    if (event.step.action == Action::notify_one) {
      line.serve_next();
      return true;
    }
    if (event.step.action == Action::notify_all) {
      while (line.serve_next()) continue;
      return true;
    }
    return mutex.apply(event);
  }

  [[nodiscard]] bool leaves_waiting(const std::vector<const Event*>& waiting) const {
    return std::ranges::all_of(waiting, [this](const Event* event) {
      if (event->step.action != Action::wait) return mutex.leaves_waiting({event});
      if (event->phase == Phase::ask_again) return true;
      const bool waits = line.has(event->id) && event->step.patience == Patience::unlimited;
      return waits || (event->phase == Phase::outcome_again && mutex.line.has(event->id));
    });
  }

 private:
  bool apply_wait(const Event& event) {
    switch (event.phase) {
      case Phase::ask:
        line.waiting.push_back(event.id);
        return mutex.unlock();
      case Phase::outcome: {
        const bool notified = event.step.patience == Patience::unlimited;
        returning.insert(event.id);
        return line.leave(event.id, notified ? true : event.success);
      }
      case Phase::ask_again:
        mutex.ask(event.id);
        return returning.erase(event.id) == 1;
      default:
        return mutex.line.leave(event.id, true);
    }
  }
};

// One that holds the mutex whenever it waits or unlocks.
struct Subject {
  static std::vector<Step> random_script(std::mt19937& random) {
    static const std::vector<Step> inside = {
        {Action::wait, Patience::unlimited},
        {Action::wait, Patience::unlimited},
        {Action::wait, Patience::limited},
        {Action::wait, Patience::limited},
        {Action::wait, Patience::limited},
        {Action::notify_one},
        {Action::notify_one},
        {Action::notify_all},
        {Action::pause},
    };
    static const std::vector<Step> outside = {
        {Action::notify_one}, {Action::notify_one}, {Action::notify_all}, {Action::pause}};
    std::vector<Step> script;
    for (unsigned left = 1 + random() % 2; left != 0; --left) {
      script.push_back({Action::take, Patience::unlimited});
      script.push_back(inside[random() % inside.size()]);
      script.back().limit *= 1 + random() % 2;
      script.push_back({Action::give});
      if (random() % 2 == 0) script.push_back(outside[random() % outside.size()]);
    }
    return script;
  }

  bool perform(const Step& step) {
    if (step.action == Action::take) {
      mutex.lock();
      return true;
    }
    if (step.action != Action::wait) return act(step);
    std::unique_lock lock(mutex, std::adopt_lock);
    bool notified = true;
    if (step.patience == Patience::limited) {
      notified = condition.wait_for(lock, step.limit) == std::cv_status::no_timeout;
    } else {
      condition.wait(lock);
    }
    lock.release();
    return notified;
  }

  coro::Task<bool> async_perform(Step step) {
    if (step.action == Action::take) {
      co_await mutex.async_lock();
      co_return true;
    }
    if (step.action != Action::wait) co_return act(step);
    std::unique_lock lock(mutex, std::adopt_lock);
    bool notified = true;
    if (step.patience == Patience::limited) {
      const auto status = co_await condition.async_wait_for(lock, step.limit);
      notified = status == std::cv_status::no_timeout;
    } else {
      co_await condition.async_wait(lock);
    }
    lock.release();
    co_return notified;
  }

  bool act(const Step& step) {
    if (step.action == Action::give) {
      mutex.unlock();
    } else if (step.action == Action::notify_one) {
      condition.notify_one();
    } else {
      condition.notify_all();
    }
    return true;
  }

  [[nodiscard]] static ConditionModel model() { return {}; }

  coro::Mutex mutex;
  coro::Condition condition;
};

TEST(ConditionCheck, EveryRunIsExplained) {
  check_programs<Subject>();
}

TEST(ConditionCheck, FewProgramsInManyOrders) {
  check_in_many_orders<Subject>();
}

}  // namespace
