// SPDX-License-Identifier: Apache-2.0
// Small random programs of fibers and tasks on one object: whether what they saw
// is explained by a sequential object that has the same queues.
//
// An operation that may wait is two events of that object, as Scherer and Scott
// have it (2004): it asks, and is served or gives up. In between it is in a queue,
// and once its coroutine was seen to be parked, it has asked.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <vector>

#include "coro/coro.h"
#include "linearizable.h"
#include "park.h"
#include "seeded.h"

enum class Action { take, take_shared, give, give_shared, wait, notify_one, notify_all, pause };
enum class Patience { none, limited, unlimited };

struct Step {
  Action action = Action::pause;
  Patience patience = Patience::none;
  std::uint64_t count = 1;  // of units
  std::chrono::milliseconds limit{1};

  auto operator<=>(const Step&) const = default;
};

// What an operation does to the sequential object. `again`: who was notified, or
// gave up, takes its mutex again.
enum class Phase { whole, ask, outcome, ask_again, outcome_again };

struct Event {
  Step step;
  Phase phase = Phase::whole;
  unsigned id = 0;              // of the operation
  std::optional<bool> success;  // nullopt: it is not known
  Period period;

  auto operator<=>(const Event&) const = default;
};

// A Subject has
//   static std::vector<Step> random_script(std::mt19937&)
//   bool perform(const Step&)                and its success; in a fiber
//   coro::Task<bool> async_perform(Step)     in a task
//   Model model() const                      at first
template <class Subject>
class CheckedProgram {
 public:
  explicit CheckedProgram(unsigned seed) {
    std::mt19937 random(seed);
    scripts_.resize(2 + random() % 3);
    for (Script& script : scripts_) {
      script.in_task = random() % 2 == 0;
      script.steps = Subject::random_script(random);
    }
  }

  // Every coroutine but those that wait for ever has ended then.
  void run(std::uint64_t seed) {
    coro::Scheduler scheduler({.deterministic = coro::Deterministic{.seed = seed}});
    looks_around_ = true;
    start(scheduler);
    try {
      scheduler.wait_empty();
    } catch (const coro::Deadlock&) {
      deadlocked_ = true;
      tick();
    }
  }

  // On threads. Nobody waits for ever, as nothing would tell.
  void run_on(unsigned workers) {
    for (Script& script : scripts_) {
      for (Step& step : script.steps) {
        if (step.patience == Patience::unlimited) step.patience = Patience::limited;
      }
    }
    coro::Scheduler scheduler({.workers = workers, .require_empty = true});
    start(scheduler);
    scheduler.wait_empty();
  }

  [[nodiscard]] bool is_explained() const {
    const std::vector<Event> all = events();
    EXPECT_LE(all.size(), 64u);
    return ::is_explained(subject_.model(), all);
  }
  [[nodiscard]] bool deadlocked() const noexcept { return deadlocked_; }

  [[nodiscard]] std::vector<Event> events() const {
    std::vector<Event> events;
    unsigned id = 0;
    for (const Script& script : scripts_) {
      for (const Record& record : script.records) append(record, ++id, events);
    }
    return events;
  }

 private:
  struct Record {
    Step step;
    Period period;
    bool success = false;
    // When it was seen to have asked, and to ask for its mutex again.
    std::uint64_t asked = Period::never;
    std::uint64_t asked_again = Period::never;
  };
  struct Script {
    bool in_task = false;
    std::vector<Step> steps;
    std::deque<Record> records;
    const coro_header* header = nullptr;  // of the coroutine that performs it
  };

  std::uint64_t tick() {
    if (looks_around_) {
      const std::uint64_t now = ++ticks_;
      for (Script& script : scripts_) look_at(script, now);
    }
    return ++ticks_;
  }

  static void look_at(Script& script, std::uint64_t now) {
    if (script.records.empty() || script.header->state != CORO_STATE_PARKED) return;
    Record& record = script.records.back();
    if (record.period.end != Period::never) return;
    record.asked = std::min(record.asked, now);
    if (record.step.action == Action::wait && script.header->reason != CORO_REASON_COND_WAIT) {
      record.asked_again = std::min(record.asked_again, now);
    }
  }

  static Record& begin(Script& script, const Step& step, std::uint64_t now) {
    Record record;
    record.step = step;
    record.period.begin = now;
    return script.records.emplace_back(record);
  }

  void start(coro::Scheduler& scheduler) {
    for (Script& script : scripts_) {
      if (script.in_task) {
        scheduler.go(async_perform(script));
      } else {
        scheduler.go([this, &script] { perform(script); });
      }
    }
  }

  void perform(Script& script) {
    script.header = coro::detail::current_coroutine()->header;
    for (const Step& step : script.steps) {
      if (step.action == Action::pause) {
        coro::sleep_for(step.limit);
        continue;
      }
      Record& record = begin(script, step, tick());
      record.success = subject_.perform(step);
      record.period.end = tick();
    }
  }

  coro::Task<> async_perform(Script& script) {
    script.header = coro::detail::current_coroutine()->header;
    for (const Step& step : script.steps) {
      if (step.action == Action::pause) {
        co_await coro::async_sleep_for(step.limit);
        continue;
      }
      Record& record = begin(script, step, tick());
      record.success = co_await subject_.async_perform(step);
      record.period.end = tick();
    }
  }

  static void append(const Record& record, unsigned id, std::vector<Event>& events) {
    const auto [begin, end] = record.period;
    const std::optional<bool> success =
        end == Period::never ? std::nullopt : std::optional(record.success);
    const auto add = [&](Phase phase, std::uint64_t last) {
      events.push_back({record.step, phase, id, success, {begin, last}});
    };
    if (record.step.patience == Patience::none) return add(Phase::whole, end);
    add(Phase::ask, std::min(record.asked, end));
    if (record.step.action == Action::wait) {
      add(Phase::outcome, std::min(record.asked_again, end));
      add(Phase::ask_again, std::min(record.asked_again, end));
      add(Phase::outcome_again, end);
    } else {
      add(Phase::outcome, end);
    }
  }

  Subject subject_;
  std::vector<Script> scripts_;
  std::atomic<std::uint64_t> ticks_{0};
  bool looks_around_ = false;
  bool deadlocked_ = false;
};

template <class Subject>
void check_programs() {
  unsigned deadlocks = 0;
  for (unsigned seed = 0; seed < check_seeds; ++seed) {
    CheckedProgram<Subject> program(seed);
    program.run(seed);
    ASSERT_TRUE(program.is_explained()) << "seed " << seed;
    if (program.deadlocked()) ++deadlocks;
  }
  EXPECT_GT(deadlocks, check_seeds / 10);
  EXPECT_LT(deadlocks, check_seeds);
}

// Few programs, each in many orders; and a seed brings the same one again.
template <class Subject>
void check_in_many_orders() {
  for (unsigned seed = 0; seed < check_seeds; ++seed) {
    CheckedProgram<Subject> program(seed % 20);
    CheckedProgram<Subject> again(seed % 20);
    program.run(seed);
    again.run(seed);
    ASSERT_TRUE(program.is_explained()) << "seed " << seed;
    ASSERT_EQ(program.events(), again.events()) << "seed " << seed;
  }
}

// The order of the queues is not checked there: nobody sees who has asked when.
template <class Subject>
void check_on_threads(unsigned workers) {
  for (unsigned seed = 0; seed < check_seeds / 20; ++seed) {
    CheckedProgram<Subject> program(seed);
    program.run_on(workers);
    ASSERT_TRUE(program.is_explained()) << "seed " << seed;
  }
}
