// SPDX-License-Identifier: Apache-2.0
// coro::Context, one at a time; trees of them are in context_tree_test.cpp.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "coro/coro.h"
#include "park.h"
#include "scheduler_core.h"

namespace {

using namespace std::chrono_literals;
using coro::Context;
using coro::ContextError;

std::uint64_t armed_timers() {
  return coro::detail::current_coroutine()->scheduler->timers().size();
}

class CancellationTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};
INSTANTIATE_TEST_SUITE_P(Workers, CancellationTest, testing::Values(0u, 1u, 2u, 8u));

TEST(ContextHandle, BackgroundNeverEndsAndHasNothing) {
  const Context background = Context::background();
  EXPECT_EQ(background.error(), ContextError::none);
  EXPECT_FALSE(background.done());
  EXPECT_EQ(background.cause(), nullptr);
  EXPECT_EQ(background.deadline(), std::nullopt);
  EXPECT_EQ(background.value<int>(), nullptr);
  EXPECT_EQ(background.object(), nullptr);
  background.check();
  coro::Cancel()();
}

TEST(ContextHandle, EndsWhenItIsCancelledAndOnlyOnce) {
  const auto [context, cancel] = coro::with_cancel(Context::background());
  EXPECT_EQ(context.error(), ContextError::none);
  EXPECT_EQ(context.cause(), nullptr);
  context.check();
  const coro::Cancel copy = cancel;
  copy(std::make_exception_ptr(std::runtime_error("the client is gone")));
  EXPECT_TRUE(context.done());
  EXPECT_EQ(context.error(), ContextError::canceled);
  cancel(std::make_exception_ptr(std::runtime_error("too late")));
  try {
    std::rethrow_exception(context.cause());
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "the client is gone");
  }
  EXPECT_THROW(context.check(), coro::Canceled);
}

TEST(ContextHandle, WithoutACauseTheCauseIsTheError) {
  const auto [context, cancel] = coro::with_cancel(Context::background());
  cancel();
  EXPECT_THROW(std::rethrow_exception(context.cause()), coro::Canceled);
}

TEST(ContextHandle, ItsEndIsThatOfItsChildrenAndNotOfItsParent) {
  const auto [parent, cancel_parent] = coro::with_cancel(Context::background());
  const auto [child, cancel_child] = coro::with_cancel(parent);
  const Context value = coro::with_value<int>(child, 5);
  const auto [grandchild, cancel_grandchild] = coro::with_cancel(value);
  cancel_child(std::make_exception_ptr(std::logic_error("enough")));
  EXPECT_FALSE(parent.done());
  EXPECT_TRUE(child.done());
  EXPECT_TRUE(value.done());
  EXPECT_THROW(std::rethrow_exception(value.cause()), std::logic_error);
  EXPECT_THROW(std::rethrow_exception(grandchild.cause()), std::logic_error);
  EXPECT_EQ(grandchild.object() == child.object(), false);
  EXPECT_EQ(value.object(), child.object());
  const auto [late, cancel_late] = coro::with_cancel(grandchild);
  EXPECT_EQ(late.error(), ContextError::canceled);
  EXPECT_THROW(std::rethrow_exception(late.cause()), std::logic_error);
  cancel_parent();
}

struct UserName {
  using Value = std::string;
};
struct RequestId {
  int number;
};

TEST(ContextHandle, FindsTheNearestValue) {
  const Context outer = coro::with_value<UserName>(Context::background(), "ada");
  const Context middle = coro::with_value<RequestId>(outer, {7});
  const auto [inner, cancel] = coro::with_cancel(coro::with_value<UserName>(middle, "grace"));
  EXPECT_EQ(*inner.value<UserName>(), "grace");
  EXPECT_EQ(inner.value<RequestId>()->number, 7);
  EXPECT_EQ(*middle.value<UserName>(), "ada");
  EXPECT_EQ(outer.value<RequestId>(), nullptr);
  EXPECT_FALSE(inner.done());
  cancel();
  EXPECT_EQ(*inner.value<UserName>(), "grace");
}

TEST(ContextHandle, AGuardCancels) {
  const auto [context, cancel] = coro::with_cancel(Context::background());
  {
    const coro::CancelGuard guard(cancel);
    EXPECT_FALSE(context.done());
  }
  EXPECT_TRUE(context.done());
}

TEST(ContextHandle, DeadlinesNeedACoroutine) {
  EXPECT_THROW(static_cast<void>(coro::with_timeout({}, 1s)), coro::UsageError);
  EXPECT_THROW(static_cast<void>(coro::with_deadline({}, {})), coro::UsageError);
  const auto [context, cancel] = coro::with_cancel({});
  EXPECT_THROW(context.wait(), coro::UsageError);
  EXPECT_THROW(Context().wait(), coro::UsageError);
}

TEST_P(CancellationTest, ItsEndWakesAllWhoWait) {
  scheduler_.run([] {
    for (int round = 0; round < 50; ++round) {
      const auto [context, cancel] = coro::with_cancel({});
      coro::WaitGroup woken;
      for (int i = 0; i < 10; ++i) {
        woken.add(1);
        coro::go([&, i, context = i % 2 == 0 ? context : coro::with_value<int>(context, i)] {
          if (i % 3 == 0) coro::yield();
          context.wait();
          EXPECT_TRUE(context.done());
          woken.done();
        });
      }
      if (round % 2 == 0) coro::yield();
      cancel();
      woken.wait();
      context.wait();
    }
  });
  scheduler_.wait_empty();
}

coro::Task<> wait_in_a_task(Context context, std::atomic<int>& ended) {
  co_await context.async_wait();
  co_await context.async_wait();  // not again
  ++ended;
}

TEST_P(CancellationTest, ItsEndWakesTasks) {
  std::atomic<int> ended{0};
  scheduler_.run([&] {
    const auto [context, cancel] = coro::with_cancel({});
    for (int i = 0; i < 10; ++i) coro::go(wait_in_a_task(context, ended));
    coro::yield();
    EXPECT_EQ(ended, 0);
    cancel();
  });
  scheduler_.wait_empty();
  EXPECT_EQ(ended, 10);
}

TEST_P(CancellationTest, CanBeCancelledByAThread) {
  const auto [context, cancel] = coro::with_cancel({});
  std::thread thread;
  scheduler_.run([&, &context = context, &cancel = cancel] {
    thread = std::thread([&] { cancel(); });
    context.wait();
  });
  thread.join();
}

TEST_P(CancellationTest, EndsAtItsDeadline) {
  scheduler_.run([] {
    const auto begin = std::chrono::steady_clock::now();
    const auto [context, cancel] = coro::with_timeout({}, 2ms);
    EXPECT_EQ(armed_timers(), 1u);
    const auto [child, cancel_child] = coro::with_timeout(context, 1h);  // the parent's is earlier
    EXPECT_EQ(armed_timers(), 1u);
    EXPECT_EQ(child.deadline(), context.deadline());
    EXPECT_GE(context.deadline().value(), begin + 2ms);
    child.wait();
    EXPECT_GE(std::chrono::steady_clock::now(), begin + 2ms);
    EXPECT_EQ(child.error(), ContextError::deadline_exceeded);
    EXPECT_THROW(context.check(), coro::DeadlineExceeded);
    EXPECT_THROW(std::rethrow_exception(child.cause()), coro::DeadlineExceeded);
    EXPECT_EQ(armed_timers(), 0u);
  });
}

TEST_P(CancellationTest, CancellingTakesTheTimerOff) {
  scheduler_.run([] {
    const auto [parent, cancel_parent] = coro::with_timeout({}, 1h);
    const auto [child, cancel] = coro::with_timeout(parent, 1min);
    const auto [sibling, cancel_sibling] = coro::with_timeout(parent, 1min);
    EXPECT_LT(child.deadline().value(), parent.deadline().value());
    EXPECT_EQ(armed_timers(), 3u);
    cancel();
    EXPECT_EQ(armed_timers(), 2u);
    cancel_parent();
    EXPECT_EQ(armed_timers(), 0u);
    EXPECT_EQ(sibling.error(), ContextError::canceled);
  });
}

TEST_P(CancellationTest, ADeadlineInThePastHasPassed) {
  scheduler_.run([] {
    const auto deadline = std::chrono::steady_clock::now() - 1s;
    const auto [context, cancel] = coro::with_deadline({}, deadline);
    EXPECT_EQ(context.error(), ContextError::deadline_exceeded);
    EXPECT_EQ(context.deadline(), deadline);
    EXPECT_TRUE(coro::with_timeout({}, -1s).context.done());
    coro::Cancel cancel_endless;
    {
      const auto endless = coro::with_timeout({}, std::chrono::nanoseconds::max());
      EXPECT_FALSE(endless.context.done());
      cancel_endless = endless.cancel;
    }
    EXPECT_EQ(armed_timers(), 1u);  // there until it expires, or somebody cancels it
    cancel_endless();
    EXPECT_EQ(armed_timers(), 0u);
  });
}

// Without a handle, and never cancelled: it expires and is gone.
TEST_P(CancellationTest, ATimerKeepsItsContext) {
  auto value = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = value;
  scheduler_.run([&] {
    static_cast<void>(
        coro::with_timeout(coro::with_value<std::shared_ptr<int>>({}, std::move(value)), 1ms));
    while (!watched.expired()) coro::yield();
    EXPECT_EQ(armed_timers(), 0u);
  });
}

TEST_P(CancellationTest, ManyDeadlinesRaceWithCancelling) {
  scheduler_.run([] {
    std::atomic<int> ended{0};
    coro::WaitGroup group;
    for (int i = 0; i < 400; ++i) {
      group.add(1);
      coro::go([&, i] {
        const auto [context, cancel] = coro::with_timeout({}, std::chrono::microseconds(i % 50));
        coro::go([&group, context = context, &ended] {
          context.wait();
          ++ended;
          group.done();
        });
        for (int k = 0; k < i % 7; ++k) coro::yield();
        cancel();
      });
    }
    group.wait();
    EXPECT_EQ(ended, 400);
    EXPECT_EQ(armed_timers(), 0u);
  });
  scheduler_.wait_empty();
}

TEST(ContextScheduler, MayEndBeforeItsContexts) {
  Context context;
  coro::Cancel cancel;
  Context kept;
  {
    coro::Scheduler scheduler({.workers = 2});
    scheduler.run([&] {
      auto made = coro::with_timeout({}, 1h);
      context = made.context;
      cancel = made.cancel;
      kept = coro::with_timeout(context, 1min).context;
    });
  }
  EXPECT_FALSE(context.done());
  cancel();
  EXPECT_EQ(kept.error(), ContextError::canceled);
}

}  // namespace
