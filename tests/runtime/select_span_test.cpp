// SPDX-License-Identifier: Apache-2.0
// Selects whose number of cases is known only at run time.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "coro/coro.h"

namespace {

using namespace std::chrono_literals;
using coro::Channel;

const coro_object& object_of(const Channel<int>& channel) {
  return *static_cast<const coro_object*>(channel.object());
}

class SelectSpanTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
  void TearDown() override { scheduler_.wait_empty(); }
};
INSTANTIATE_TEST_SUITE_P(Workers, SelectSpanTest, testing::Values(0u, 1u, 2u, 8u));

TEST(SelectSpan, WithoutWaitingItMayBeOutsideOfACoroutine) {
  Channel<int> channel(1);
  EXPECT_EQ(coro::select(coro::on_send(channel, 1), coro::otherwise()), 0u);
  EXPECT_EQ(coro::select(coro::on_send(channel, 1), coro::otherwise()), 1u);
  std::optional<int> got;
  std::array cases = {coro::SelectCase::receive(channel, got)};
  EXPECT_EQ(coro::try_select(cases), 0u);
  EXPECT_EQ(coro::try_select(cases), std::nullopt);
  EXPECT_THROW(static_cast<void>(coro::select(cases)), coro::UsageError);
  EXPECT_THROW(static_cast<void>(coro::select_for(cases, 1s)), coro::UsageError);
}

TEST_P(SelectSpanTest, ManyCasesKnownAtRunTime) {
  scheduler_.run([] {
    constexpr std::size_t count = 100;
    std::vector<Channel<int>> channels;
    std::vector<std::optional<int>> got(count);
    std::vector<coro::SelectCase> cases;
    for (std::size_t i = 0; i < count; ++i) {
      // Some channels are there twice.
      channels.push_back(i % 5 == 4 ? channels[i - 1] : Channel<int>(0));
      cases.push_back(coro::SelectCase::receive(channels[i], got[i]));
    }
    const auto [context, cancel] = coro::with_cancel({});
    cases.push_back(coro::SelectCase::done(context));
    for (std::size_t i = 0; i < count; ++i) {
      coro::go([channel = channels[i], i]() mutable { channel.send(static_cast<int>(i)); });
    }
    std::vector<int> seen(count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t place = coro::select(cases);
      ASSERT_LT(place, count);
      ++seen.at(static_cast<std::size_t>(got[place].value()));
    }
    EXPECT_EQ(seen, std::vector<int>(count, 1));
    EXPECT_EQ(coro::select_for(cases, 10us), std::nullopt);
    cancel();
    EXPECT_EQ(coro::select(cases), count);
    for (const auto& channel : channels) EXPECT_EQ(object_of(channel).waiting_receivers, 0u);
  });
}

TEST_P(SelectSpanTest, ARunTimeSendMovesOnlyIfChosen) {
  scheduler_.run([] {
    Channel<std::unique_ptr<int>> full(1), room(1);
    full.send(nullptr);
    auto first = std::make_unique<int>(1), second = std::make_unique<int>(2);
    std::array cases = {coro::SelectCase::send(full, first), coro::SelectCase::send(room, second)};
    EXPECT_EQ(coro::select(cases), 1u);
    EXPECT_NE(first, nullptr);
    EXPECT_EQ(second, nullptr);
    EXPECT_EQ(**room.receive(), 2);
  });
}

// A case that was chosen before, and is used again after the channel was closed.
TEST_P(SelectSpanTest, CasesAreUsedAgain) {
  scheduler_.run([] {
    for (const bool waits : {false, true}) {
      Channel<int> channel(0);
      std::optional<int> got;
      int value = 5;
      std::array receive = {coro::SelectCase::receive(channel, got)};
      std::array send = {coro::SelectCase::send(channel, value)};
      coro::go([channel]() mutable { channel.send(1); });
      EXPECT_EQ(coro::select(receive), 0u);
      EXPECT_EQ(got, 1);
      coro::go([channel]() mutable { EXPECT_EQ(channel.receive(), 5); });
      EXPECT_EQ(coro::select(send), 0u);
      EXPECT_EQ(coro::select_for(receive, 10us), std::nullopt);
      auto close = [channel]() mutable { channel.close(); };
      waits ? coro::go(close) : close();
      EXPECT_EQ(coro::select(receive), 0u);
      EXPECT_EQ(got, std::nullopt);
      EXPECT_THROW(static_cast<void>(coro::select(send)), coro::ChannelClosed);
    }
    std::vector<coro::SelectCase> none;
    EXPECT_EQ(coro::select_for(none, 1us), std::nullopt);
    EXPECT_EQ(coro::select_for(none, -1s), std::nullopt);
    EXPECT_EQ(coro::try_select(none), std::nullopt);
  });
}

}  // namespace
