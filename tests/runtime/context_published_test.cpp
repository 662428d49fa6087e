// SPDX-License-Identifier: Apache-2.0
// What an observer sees of a wait for the end of a context.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "coro/coro.h"
#include "published.h"

namespace {

TEST(ContextPublished, AWaitIsAReceiveFromTheContext) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  const auto [context, cancel] = coro::with_cancel({});
  const auto* object = static_cast<const coro_object*>(context.object());
  std::atomic<std::uint64_t> id{0};
  scheduler.go([&, context = coro::with_value<int>(context, 1)] {
    id = coro::current_id();
    context.wait();
  });
  while (id == 0) std::this_thread::yield();
  const coro_header header = wait_for_state(id, CORO_STATE_PARKED);
  EXPECT_EQ(header.reason, CORO_REASON_CHAN_RECEIVE);
  EXPECT_EQ(header.object, reinterpret_cast<std::uint64_t>(object));
  EXPECT_EQ(object->magic, CORO_OBJECT_MAGIC);
  EXPECT_EQ(object->kind, static_cast<std::uint32_t>(CORO_OBJECT_CONTEXT));
  EXPECT_EQ(object->waiting_receivers, 1u);
  EXPECT_EQ(object->closed, 0u);
  cancel();
  scheduler.wait_empty();
  EXPECT_EQ(object->closed, 1u);
  EXPECT_EQ(object->waiting_receivers, 0u);
}

TEST(ContextPublished, ItsDeadlineOrThatOfItsParent) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    const auto deadline_of = [](const coro::Context& context) {
      return static_cast<const coro_object*>(context.object())->deadline_ns;
    };
    const auto [endless, cancel_endless] = coro::with_cancel({});
    EXPECT_EQ(deadline_of(endless), 0u);
    const auto [timed, cancel] = coro::with_timeout(endless, std::chrono::hours(1));
    const auto since_epoch = std::chrono::nanoseconds(timed.deadline()->time_since_epoch());
    EXPECT_EQ(deadline_of(timed), static_cast<std::uint64_t>(since_epoch.count()));
    EXPECT_EQ(deadline_of(coro::with_cancel(timed).context), deadline_of(timed));
    cancel();
  });
}

// As a receive from a nil channel does.
TEST(ContextPublished, TheEndOfTheBackgroundIsWaitedForInVain) {
  const coro::Context endless = coro::with_value<int>({}, 1);
  coro::Scheduler scheduler({.workers = 1});
  std::atomic<std::uint64_t> id{0};
  scheduler.go([&] {
    id = coro::current_id();
    endless.wait();
  });
  while (id == 0) std::this_thread::yield();
  const coro_header header = wait_for_state(id, CORO_STATE_PARKED);
  EXPECT_EQ(header.reason, CORO_REASON_CHAN_RECEIVE_NIL);
}

}  // namespace
