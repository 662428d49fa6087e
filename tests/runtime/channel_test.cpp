// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "coro/abi.h"
#include "coro/coro.h"

namespace {

class ChannelTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  ~ChannelTest() override { scheduler_.wait_empty(); }
};

INSTANTIATE_TEST_SUITE_P(Workers, ChannelTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(ChannelTest, UnbufferedHandsOver) {
  scheduler_.run([] {
    coro::Channel<int> channel(0);
    coro::go([channel]() mutable {
      for (int i = 0; i < 1000; ++i) channel.send(i);
      channel.close();
    });
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(channel.receive(), i);
    EXPECT_EQ(channel.receive(), std::nullopt);
  });
}

TEST_P(ChannelTest, BufferedKeepsOrderAndDrainsAfterClose) {
  scheduler_.run([] {
    coro::Channel<std::string> channel(3);
    for (const char* text : {"one", "two", "three"}) channel.send(text);
    EXPECT_EQ(channel.size(), 3u);
    EXPECT_EQ(channel.capacity(), 3u);
    std::string more = "four";
    EXPECT_FALSE(channel.try_send(more));
    EXPECT_EQ(more, "four");
    channel.close();
    EXPECT_EQ(channel.receive(), "one");
    EXPECT_EQ(channel.try_receive(), "two");
    EXPECT_EQ(channel.receive(), "three");
    EXPECT_EQ(channel.receive(), std::nullopt);
    EXPECT_EQ(channel.try_receive(), std::nullopt);
  });
}

TEST_P(ChannelTest, WaitingSendTakesTheFreedPlace) {
  scheduler_.run([] {
    coro::Channel<int> channel(1);
    channel.send(1);
    coro::WaitGroup sent;
    sent.add(1);
    coro::go([channel, &sent]() mutable {
      channel.send(2);
      sent.done();
    });
    EXPECT_EQ(channel.receive(), 1);
    EXPECT_EQ(channel.receive(), 2);
    sent.wait();
  });
}

TEST_P(ChannelTest, MoveOnlyValues) {
  scheduler_.run([] {
    for (std::size_t capacity : {0u, 2u}) {
      coro::Channel<std::unique_ptr<int>> channel(capacity);
      coro::go([channel]() mutable { channel.send(std::make_unique<int>(9)); });
      EXPECT_EQ(*channel.receive().value(), 9);
    }
  });
}

TEST_P(ChannelTest, CloseWakesReceiversAndSenders) {
  scheduler_.run([] {
    coro::Channel<int> full(0), empty(0);
    coro::WaitGroup group;
    for (int i = 0; i < 20; ++i) {
      group.add(2);
      coro::go([empty, &group]() mutable {
        EXPECT_EQ(empty.receive(), std::nullopt);
        group.done();
      });
      coro::go([full, &group]() mutable {
        EXPECT_THROW(full.send(1), coro::ChannelClosed);
        group.done();
      });
    }
    for (int i = 0; i < 50; ++i) coro::yield();
    full.close();
    empty.close();
    group.wait();
  });
}

TEST_P(ChannelTest, ErrorsOfClosedChannels) {
  scheduler_.run([] {
    coro::Channel<int> channel(1);
    channel.close();
    EXPECT_THROW(channel.close(), coro::ChannelClosed);
    EXPECT_THROW(channel.send(1), coro::ChannelClosed);
    int value = 1;
    EXPECT_THROW(channel.try_send(value), coro::ChannelClosed);
    EXPECT_EQ(channel.receive(), std::nullopt);
  });
}

TEST(Channel, HandlesAndTheNilChannel) {
  coro::Channel<int> nil;
  EXPECT_FALSE(nil);
  EXPECT_THROW(nil.close(), coro::UsageError);
  EXPECT_EQ(nil.try_receive(), std::nullopt);
  EXPECT_EQ(nil.capacity(), 0u);
  coro::Channel<int> one(1);
  const auto& object = *static_cast<const coro_object*>(one.object());
  EXPECT_EQ(object.handles, 1u);
  const coro::Channel<int> same = one;
  EXPECT_EQ(object.handles, 2u);
  EXPECT_TRUE(one == same);
  EXPECT_FALSE(one == coro::Channel<int>(1));
  int value = 3;
  EXPECT_TRUE(one.try_send(value));
  EXPECT_EQ(same.size(), 1u);
  coro::Channel<int> moved = std::move(one);
  EXPECT_EQ(object.handles, 2u);
  EXPECT_EQ(object.deadline_ns, 0u);
  EXPECT_EQ(moved.try_receive(), 3);
}

TEST(Channel, DestroysWhatIsLeftInIt) {
  const auto token = std::make_shared<int>(1);
  {
    coro::Channel<std::shared_ptr<int>> channel(4);
    for (int i = 0; i < 3; ++i) {
      auto copy = token;
      EXPECT_TRUE(channel.try_send(copy));
    }
    EXPECT_NE(channel.try_receive(), std::nullopt);
    EXPECT_EQ(token.use_count(), 3);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(Channel, WakesAcrossThreads) {
  coro::Scheduler scheduler({.workers = 2, .require_empty = true});
  coro::Channel<int> channel(0);
  int received = 0;
  scheduler.go([&]() { received = channel.receive().value(); });
  for (int value = 11; !channel.try_send(value);) std::this_thread::yield();
  scheduler.wait_empty();
  EXPECT_EQ(received, 11);
}

}  // namespace
