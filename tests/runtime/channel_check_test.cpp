// SPDX-License-Identifier: Apache-2.0
// Small random programs on channels, in orders of all sorts: what they saw has to
// be explained by a sequential bounded queue, and who waits for ever has to.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "coro/coro.h"
#include "linearizable.h"
#include "seeded.h"

namespace {

enum class Kind { send, receive, try_send, try_receive, close };
enum class Result { done, nothing, closed };

struct Operation {
  Kind kind = Kind::send;
  int value = 0;  // sent, or received
  Result result = Result::done;
  Period period;
};

bool sends(const Operation& operation) {
  return operation.kind == Kind::send || operation.kind == Kind::try_send;
}
bool receives(const Operation& operation) {
  return operation.kind == Kind::receive || operation.kind == Kind::try_receive;
}

// The sequential object.
struct Queue {
  std::size_t capacity;
  std::vector<int> values;
  bool closed = false;
  auto operator<=>(const Queue&) const = default;

  bool apply(const Operation& operation) {
    if (sends(operation)) return apply_send(operation);
    if (receives(operation)) return apply_receive(operation);
    if (operation.result == Result::closed) return closed;
    return !std::exchange(closed, true);
  }

  // A value that is handed over.
  [[nodiscard]] bool apply_together(const Operation& a, const Operation& b) const {
    return capacity == 0 && !closed && sends(a) && receives(b) && a.result == Result::done &&
           b.result == Result::done && a.value == b.value;
  }

  [[nodiscard]] bool leaves_waiting(const std::vector<const Operation*>& waiting) const {
    const auto any = [&waiting](Kind kind) {
      return std::ranges::any_of(waiting, [kind](const auto* op) { return op->kind == kind; });
    };
    const bool senders = any(Kind::send);
    const bool receivers = any(Kind::receive);
    if (any(Kind::close) || any(Kind::try_send) || any(Kind::try_receive)) return false;
    if (senders && (closed || values.size() < capacity)) return false;
    if (receivers && (closed || !values.empty())) return false;
    return !(senders && receivers);
  }

 private:
  bool apply_send(const Operation& operation) {
    if (operation.result == Result::closed) return closed;
    if (closed) return false;
    if (operation.result == Result::nothing) return values.size() == capacity;
    if (values.size() == capacity) return false;
    values.push_back(operation.value);
    return true;
  }
  bool apply_receive(const Operation& operation) {
    if (operation.result == Result::nothing) {
      return values.empty() && (closed || operation.kind == Kind::try_receive);
    }
    if (values.empty() || values.front() != operation.value) return false;
    values.erase(values.begin());
    return true;
  }
};

// Two channels and what was done to them.
class Program {
 public:
  explicit Program(unsigned seed) : random_(seed) {
    for (auto& channel : channels_) channel = coro::Channel<int>(random_() % 4);
    scripts_.resize(2 + random_() % 4);
    for (auto& script : scripts_) {
      script.resize(2 + random_() % 5);
      for (Step& step : script) step = {random_() % 20, random_() % 2};
    }
  }

  // Every coroutine but those that wait for ever has ended then.
  void run(std::uint64_t seed) {
    coro::Scheduler scheduler({.deterministic = coro::Deterministic{.seed = seed}});
    for (const auto& script : scripts_) {
      scheduler.go([this, &script] {
        for (const Step& step : script) perform(step);
      });
    }
    try {
      scheduler.wait_empty();
    } catch (const coro::Deadlock&) {
      ++deadlocks;
    }
  }

  [[nodiscard]] bool is_explained() const {
    for (std::size_t i = 0; i < 2; ++i) {
      const Queue empty{.capacity = channels_[i].capacity(), .values = {}, .closed = false};
      if (!::is_explained(empty, histories_[i])) return false;
    }
    return true;
  }

  static inline unsigned deadlocks = 0;

 private:
  struct Step {
    std::uint64_t what = 0;
    std::size_t channel = 0;
  };

  void perform(const Step& step) {
    if (step.what == 0) return coro::yield();
    if (step.what == 1) return coro::sleep_for(std::chrono::milliseconds(1));
    Operation operation;
    operation.kind = step.what < 8    ? Kind::send
                     : step.what < 14 ? Kind::receive
                     : step.what < 16 ? Kind::try_send
                     : step.what < 19 ? Kind::try_receive
                                      : Kind::close;
    operation.value = ++values_;
    operation.period.begin = ++tick_;
    std::vector<Operation>& history = histories_[step.channel];
    const std::size_t place = history.size();
    history.push_back(operation);
    apply(channels_[step.channel], operation);
    operation.period.end = ++tick_;
    history[place] = operation;
  }

  static void apply(coro::Channel<int>& channel, Operation& operation) {
    try {
      if (operation.kind == Kind::send) {
        channel.send(operation.value);
      } else if (operation.kind == Kind::try_send) {
        int value = operation.value;
        if (!channel.try_send(value)) operation.result = Result::nothing;
      } else if (operation.kind == Kind::close) {
        channel.close();
      } else {
        const std::optional<int> value =
            operation.kind == Kind::receive ? channel.receive() : channel.try_receive();
        operation.value = value.value_or(0);
        if (!value) operation.result = Result::nothing;
      }
    } catch (const coro::ChannelClosed&) {
      operation.result = Result::closed;
    }
  }

  std::mt19937 random_;
  coro::Channel<int> channels_[2];
  std::vector<std::vector<Step>> scripts_;
  std::vector<Operation> histories_[2];
  std::uint64_t tick_ = 0;
  int values_ = 0;
};

TEST(ChannelCheck, EveryRunIsExplained) {
  Program::deadlocks = 0;
  for (unsigned seed = 0; seed < check_seeds; ++seed) {
    Program program(seed);
    program.run(seed);
    ASSERT_TRUE(program.is_explained()) << "seed " << seed;
  }
  EXPECT_GT(Program::deadlocks, check_seeds / 4);
  EXPECT_LT(Program::deadlocks, check_seeds);
}

TEST(ChannelCheck, OneProgramInManyOrders) {
  for (unsigned seed = 0; seed < check_seeds; ++seed) {
    Program program(4);
    program.run(seed);
    ASSERT_TRUE(program.is_explained()) << "seed " << seed;
  }
}

// The check itself sees what is wrong.
TEST(ChannelCheck, TellsWhatNoQueueDoes) {
  const Queue empty{.capacity = 1, .values = {}, .closed = false};
  const Queue direct{.capacity = 0, .values = {}, .closed = false};
  const Operation sent{Kind::send, 1, Result::done, {1, 2}};
  const Operation sent_later{Kind::send, 2, Result::done, {3, 8}};
  const Operation received{Kind::receive, 1, Result::done, {5, 6}};
  const Operation out_of_order{Kind::receive, 2, Result::done, {4, 7}};
  const Operation nothing{Kind::try_receive, 0, Result::nothing, {9, 10}};
  const Operation waits{Kind::receive, 0, Result::done, {9, Period::never}};
  using History = std::vector<Operation>;
  EXPECT_TRUE(is_explained(empty, History{sent, received, nothing, waits}));
  EXPECT_TRUE(is_explained(empty, History{sent, sent_later, received, out_of_order}));
  EXPECT_TRUE(is_explained(direct, History{sent_later, out_of_order}));
  EXPECT_FALSE(is_explained(empty, History{sent, nothing}));
  EXPECT_FALSE(is_explained(empty, History{sent, waits}));
  EXPECT_FALSE(is_explained(empty, History{received}));
  EXPECT_FALSE(is_explained(empty, History{sent, received, received}));
  EXPECT_FALSE(is_explained(direct, History{sent, received}));
  EXPECT_FALSE(is_explained(direct, History{{Kind::send, 1, {}, {1, Period::never}}, waits}));
}

}  // namespace
