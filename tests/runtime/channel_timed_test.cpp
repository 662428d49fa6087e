// SPDX-License-Identifier: Apache-2.0
// Sends and receives with a deadline, and a channel as a range.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "coro/coro.h"
#include "coro/testing.h"
#include "published.h"

namespace {

using namespace std::chrono_literals;
using coro::Channel;
using coro::Task;

class ChannelTimedTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, ChannelTimedTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(ChannelTimedTest, GivesUpInTime) {
  scheduler_.run([] {
    Channel<std::unique_ptr<int>> channel(0);
    auto value = std::make_unique<int>(7);
    EXPECT_FALSE(channel.send_for(value, 1ms));
    EXPECT_FALSE(channel.send_until(value, coro::now() + 1ms));
    EXPECT_FALSE(channel.send_for(value, 0ms));
    EXPECT_FALSE(channel.send_for(value, -1h));
    ASSERT_NE(value, nullptr) << "was moved from, but not sent";
    EXPECT_TRUE(channel.receive_for(1ms).timed_out);
    EXPECT_TRUE(channel.receive_for(0ms).timed_out);
    EXPECT_TRUE(channel.receive_until(coro::now() - 1h).timed_out);
    const auto& object = *static_cast<const coro_object*>(channel.object());
    EXPECT_EQ(object.waiting_senders, 0u);
    EXPECT_EQ(object.waiting_receivers, 0u);
    coro::go([channel]() mutable { EXPECT_EQ(**channel.receive_for(1h), 7); });
    EXPECT_TRUE(channel.send_for(value, 1h));
    EXPECT_EQ(value, nullptr);
    channel.close();
    auto late = channel.receive_for(1h);
    EXPECT_TRUE(late.closed());
    EXPECT_FALSE(late.timed_out);
    EXPECT_THROW(channel.send_for(std::make_unique<int>(8), 1h), coro::ChannelClosed);
  });
}

// What is ready comes before a deadline that has passed.
TEST_P(ChannelTimedTest, WhatIsReadyIsTaken) {
  scheduler_.run([] {
    Channel<int> channel(1);
    EXPECT_TRUE(channel.send_for(1, -1h));
    EXPECT_FALSE(channel.send_for(2, -1h));
    EXPECT_EQ(*channel.receive_for(-1h), 1);
    EXPECT_TRUE(channel.receive_for(-1h).timed_out);
  });
}

TEST_P(ChannelTimedTest, OnANilChannelTimeAlwaysRunsOut) {
  scheduler_.run([] {
    Channel<int> nil;
    EXPECT_FALSE(nil.send_for(1, 1ms));
    EXPECT_TRUE(nil.receive_for(1ms).timed_out);
  });
}

Task<> in_a_task(std::atomic<int>& done) {
  Channel<int> channel(0);
  const bool sent = co_await channel.async_send_for(1, 1ms);
  EXPECT_FALSE(sent);
  const auto none = co_await channel.async_receive_until(coro::now() + 1ms);
  EXPECT_TRUE(none.timed_out);
  coro::go([channel]() mutable { channel.send(5); });
  auto five = co_await channel.async_receive_for(1h);
  EXPECT_EQ(*five, 5);
  coro::go([channel]() mutable { EXPECT_EQ(channel.receive(), 6); });
  const bool taken = co_await channel.async_send_until(6, coro::now() + 1h);
  EXPECT_TRUE(taken);
  coro::go([channel]() mutable { channel.close(); });
  const auto closed = co_await channel.async_receive_for(1h);
  EXPECT_TRUE(closed.closed());
  EXPECT_THROW(static_cast<void>(co_await channel.async_send_for(7, 1h)), coro::ChannelClosed);
  ++done;
}

TEST_P(ChannelTimedTest, InTasks) {
  std::atomic<int> done{0};
  scheduler_.run(in_a_task(done));
  EXPECT_EQ(done, 1);
}

// The wait is that of a channel, not of a select.
TEST(ChannelTimed, IsPublishedAsAWaitForTheChannel) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    Channel<int> channel(0);
    const auto expect_reason = [&](coro_reason reason, std::uint64_t id, const void* object) {
      const coro_header seen = read_header(*find_header(id)).value();
      EXPECT_EQ(seen.state, CORO_STATE_PARKED);
      EXPECT_EQ(seen.reason, reason);
      EXPECT_EQ(seen.object, reinterpret_cast<std::uint64_t>(object));
    };
    auto receiver = coro::start([channel]() mutable { EXPECT_EQ(*channel.receive_for(1h), 1); });
    coro::yield();
    expect_reason(CORO_REASON_CHAN_RECEIVE, receiver.id(), channel.object());
    channel.send(1);
    auto sender = coro::start([channel]() mutable { EXPECT_TRUE(channel.send_for(1, 1h)); });
    coro::yield();
    expect_reason(CORO_REASON_CHAN_SEND, sender.id(), channel.object());
    EXPECT_EQ(channel.receive(), 1);
    auto nil = coro::start([] { EXPECT_TRUE(Channel<int>().receive_for(1ms).timed_out); });
    coro::yield();
    expect_reason(CORO_REASON_CHAN_RECEIVE_NIL, nil.id(), nullptr);
    receiver.join();
    sender.join();
    nil.join();
  });
  scheduler.wait_empty();
}

TEST_P(ChannelTimedTest, IsARange) {
  scheduler_.run([] {
    Channel<std::unique_ptr<int>> channel(2);
    coro::go([channel]() mutable {
      for (int i = 0; i < 100; ++i) channel.send(std::make_unique<int>(i));
      channel.close();
    });
    int next = 0;
    for (auto& value : channel) EXPECT_EQ(*value, next++);
    EXPECT_EQ(next, 100);
    for (auto& value : channel) ADD_FAILURE() << "got " << *value << " of a closed channel";
  });
}

// A sender and a receiver that give up at the very time at which they meet: a value
// is received just if its sender was told so.
TEST(ChannelTimed, ItMeetsOrNotForBothInEveryOrder) {
  int met = 0;
  coro::testing::for_each_seed(0, 300, [&met] {
    Channel<int> channel(0);
    bool sent = false;
    auto sender = coro::start([&] {
      coro::sleep_for(1ms);
      sent = channel.send_for(1, 1ms);
    });
    coro::sleep_for(1ms);
    const bool received = channel.receive_until(coro::now() + 1ms).value.has_value();
    sender.join();
    EXPECT_EQ(sent, received);
    if (sent) ++met;
  });
  EXPECT_GT(met, 0);
}

}  // namespace
