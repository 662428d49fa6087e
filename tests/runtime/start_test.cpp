// SPDX-License-Identifier: Apache-2.0
#include "coro/start.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "coro/coro.h"
#include "published.h"

namespace {

using namespace std::chrono_literals;

class StartTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, StartTest, testing::Values(0u, 1u, 2u, 8u));

int seven() {
  return 7;
}

TEST_P(StartTest, JoinGivesTheResult) {
  scheduler.run([] {
    EXPECT_EQ(coro::start([] { return 1; }).join(), 1);
    EXPECT_EQ(coro::start(seven).join(), 7);
    EXPECT_EQ(coro::start(&seven).join(), 7);
    coro::start([] {}).join();
    EXPECT_EQ(*coro::start([] { return std::make_unique<int>(2); }).join(), 2);
    EXPECT_EQ(coro::start({.name = "three"}, [](const coro::Context&) { return 3; }).join(), 3);
    std::vector<coro::Join<int>> many;
    for (int i = 0; i < 100; ++i) many.push_back(coro::start([i] { return i; }));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(many[static_cast<std::size_t>(i)].join(), i);
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, ExceptionsTravelToWhoJoins) {
  scheduler.run([] {
    auto failing = coro::start([]() -> int { throw std::runtime_error("no"); });
    EXPECT_THROW(failing.join(), std::runtime_error);
    EXPECT_THROW(failing.join(), coro::UsageError);
    auto late = coro::start([] { throw std::runtime_error("no"); });
    late.wait();
    EXPECT_TRUE(late.ended());
    EXPECT_THROW(late.join(), std::runtime_error);
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, NameAndLabels) {
  scheduler.run([] {
    coro::set_name("parent");
    coro::set_label("tenant", "a");
    coro::set_label("zone", "1");
    const coro::StartOptions options{.name = "child", .labels = {{"tenant", "b"}, {"kind", "x"}}};
    coro::start(options, [] {
      EXPECT_EQ(coro::current_name(), "child");
      EXPECT_EQ(coro::current_labels(), (std::vector<std::pair<std::string, std::string>>{
                                            {"kind", "x"}, {"tenant", "b"}, {"zone", "1"}}));
    }).join();
    coro::start([] {
      EXPECT_EQ(coro::current_name(), "");
      EXPECT_EQ(coro::current_labels().size(), 2u);
    }).join();
    const std::string too_long(CORO_ANNOTATION_MAX, 'x');
    EXPECT_THROW(static_cast<void>(coro::start({.name = too_long}, [] {})), coro::UsageError);
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, TheContextEndsWithItsParentAndByTimeout) {
  scheduler.run([] {
    auto [context, cancel] = coro::with_cancel(coro::Context::background());
    auto waiting = coro::start(context, {}, [](const coro::Context& own) {
      own.wait();
      return own.error();
    });
    cancel();
    EXPECT_EQ(waiting.join(), coro::ContextError::canceled);
    EXPECT_EQ(coro::start({.timeout = 1ms},
                          [](const coro::Context& own) {
                            own.wait();
                            return own.error();
                          })
                  .join(),
              coro::ContextError::deadline_exceeded);
  });
  scheduler.wait_empty();
}

// With a timeout the context is the coroutine's own.
TEST_P(StartTest, TheContextOfATimeoutEndsWithTheFunction) {
  scheduler.run([] {
    coro::Context kept;
    coro::start({.timeout = 1h}, [&kept](const coro::Context& own) { kept = own; }).join();
    EXPECT_EQ(kept.error(), coro::ContextError::canceled);
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, JoinForGivesUp) {
  scheduler.run([] {
    coro::Channel<int> go(0);
    auto waiting = coro::start([go]() mutable { return go.receive().value(); });
    EXPECT_EQ(waiting.join_for(0s), std::nullopt);
    EXPECT_EQ(waiting.join_for(1ms), std::nullopt);
    EXPECT_FALSE(waiting.wait_for(1ms));
    go.send(5);
    EXPECT_EQ(waiting.join_for(1h), 5);
    auto nothing = coro::start([go]() mutable { static_cast<void>(go.receive()); });
    EXPECT_FALSE(nothing.join_for(1ms));
    go.send(5);
    EXPECT_TRUE(nothing.join_for(1h));
  });
  scheduler.wait_empty();
}

// The end and the deadline race.
TEST_P(StartTest, JoinForAtTheVeryEnd) {
  scheduler.run([] {
    for (int i = 0; i < 200; ++i) {
      auto sleeping = coro::start([] { coro::sleep_for(50us); });
      while (!sleeping.join_for(50us)) continue;
    }
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, SeveralWaitForOne) {
  scheduler.run([] {
    coro::Channel<int> go(0);
    auto waited_for = coro::start([go]() mutable { static_cast<void>(go.receive()); });
    std::vector<coro::Join<void>> waiting;
    for (int i = 0; i < 20; ++i) {
      waiting.push_back(coro::start([&waited_for, i] {
        i % 2 == 0 ? waited_for.wait() : static_cast<void>(waited_for.wait_for(1h));
      }));
    }
    for (const auto& join : waiting) {
      while (read_header(*find_header(join.id()))->reason != CORO_REASON_JOIN) coro::yield();
    }
    go.close();
    for (auto& join : waiting) join.join();
    waited_for.join();
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, WhatIsPublishedOfAWait) {
  scheduler.run([] {
    coro::Channel<int> go(0);
    auto waited_for = coro::start([go]() mutable { static_cast<void>(go.receive()); });
    std::atomic<std::uint64_t> id{0};
    auto waiting = coro::start([&] {
      id = coro::current_id();
      waited_for.join();
    });
    while (id == 0 || read_header(*find_header(id))->state != CORO_STATE_PARKED) coro::yield();
    EXPECT_EQ(waiting.id(), id);
    const coro_header header = *read_header(*find_header(id));
    EXPECT_EQ(header.reason, CORO_REASON_JOIN);
    EXPECT_EQ(header.object, reinterpret_cast<std::uint64_t>(waited_for.object()));
    const auto* object = static_cast<const coro_object*>(waited_for.object());
    EXPECT_EQ(object->magic, CORO_OBJECT_MAGIC);
    EXPECT_EQ(object->kind, CORO_OBJECT_JOIN);
    EXPECT_EQ(object->holder, waited_for.id());
    EXPECT_EQ(object->closed, 0u);
    EXPECT_EQ(object->waiting_receivers, 1u);
    std::ostringstream dump;
    coro::debug::dump(dump);
    EXPECT_NE(dump.str().find("[coroutine join of coroutine " + std::to_string(waited_for.id())),
              std::string::npos)
        << dump.str();
    go.close();
    waiting.join();
    EXPECT_EQ(object->closed, 1u);
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, DoneTellsTheEnd) {
  scheduler.run([] {
    coro::Channel<int> go(0);
    auto waited_for = coro::start([go]() mutable { static_cast<void>(go.receive()); });
    const coro::Context done = waited_for.done();
    EXPECT_FALSE(done.done());
    EXPECT_EQ(waited_for.done().object(), done.object());
    go.close();
    done.wait();
    EXPECT_TRUE(waited_for.ended());
    waited_for.join();
    EXPECT_TRUE(waited_for.done().done());
    auto ended = coro::start([] {});
    ended.join();
    EXPECT_TRUE(ended.done().done());
  });
  scheduler.wait_empty();
}

// What the function captured is destroyed when the join returns.
TEST_P(StartTest, CapturesEndBeforeTheJoin) {
  scheduler.run([] {
    for (int i = 0; i < 100; ++i) {
      auto captured = std::make_shared<int>(i);
      auto join = coro::start([captured] { return *captured; });
      EXPECT_EQ(join.join(), i);
      EXPECT_EQ(captured.use_count(), 1);
    }
  });
  scheduler.wait_empty();
}

TEST_P(StartTest, SpawnStackBeginsInTheProgram) {
  scheduler.run([] {
    coro::Channel<int> go(0);
    auto join = coro::start([go]() mutable { static_cast<void>(go.receive()); });
    const auto frames = interned_frames(read_header(*find_header(join.id()))->spawn_stack_id);
    std::ostringstream dump;
    coro::debug::dump(dump);
    EXPECT_EQ(dump.str().find("coro::start"), std::string::npos) << dump.str();
    EXPECT_FALSE(frames.empty());
    go.close();
    join.join();
  });
  scheduler.wait_empty();
}

coro::Task<int> add_later(int a, int b) {
  co_await coro::async_yield();
  const int sum = a + b;
  co_return sum;
}

coro::Task<int> fail_later() {
  co_await coro::async_yield();
  const int none = 0;
  if (none == 0) throw std::runtime_error("no");
  co_return none;
}

coro::Task<void> join_in_a_task(std::atomic<int>& sum) {
  auto three = coro::start({.name = "adder"}, [] { return add_later(1, 2); });
  const int first = co_await three.async_join();
  auto five = coro::start([](const coro::Context&) { return add_later(1, 4); });
  const int second = co_await five.async_join();
  auto failing = coro::start(fail_later);
  bool failed = false;
  try {
    static_cast<void>(co_await failing.async_join());
  } catch (const std::runtime_error&) {
    failed = true;
  }
  auto fiber = coro::start([] { coro::sleep_for(1ms); });
  co_await fiber.async_join();
  sum = first + second + (failed ? 100 : 0);
}

TEST_P(StartTest, Tasks) {
  std::atomic<int> sum{0};
  scheduler.run(join_in_a_task(sum));
  EXPECT_EQ(sum, 108);
  scheduler.run([] {
    EXPECT_EQ(coro::start([] { return add_later(3, 4); }).join(), 7);
    EXPECT_THROW(coro::start(fail_later).join(), std::runtime_error);
  });
  scheduler.wait_empty();
}

}  // namespace
