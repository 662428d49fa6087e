// SPDX-License-Identifier: Apache-2.0
#include "coro/select.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "coro/coro.h"
#include "coro/testing.h"
#include "descriptor.h"
#include "published.h"

namespace {

using namespace std::chrono_literals;
using coro::on_done;
using coro::on_receive;
using coro::on_send;
using coro::on_timeout;
using coro::otherwise;

class SelectTest : public testing::TestWithParam<unsigned> {
 protected:
  coro::Scheduler scheduler_{{.workers = GetParam(), .require_empty = true}};
};

INSTANTIATE_TEST_SUITE_P(Workers, SelectTest, testing::Values(0u, 1u, 2u, 8u));

TEST_P(SelectTest, TakesWhatIsReady) {
  scheduler_.run([] {
    coro::Channel<int> full(1);
    coro::Channel<int> empty(1);
    full.send(7);
    int got = 0;
    EXPECT_EQ(coro::select(on_receive(empty),
                           on_receive(full, [&](std::optional<int> value) { got = *value; })),
              1u);
    EXPECT_EQ(got, 7);
    bool sent = false;
    EXPECT_EQ(coro::select(on_receive(empty), on_send(full, 8, [&] { sent = true; })), 1u);
    EXPECT_TRUE(sent);
    EXPECT_EQ(full.receive(), 8);
    EXPECT_EQ(coro::select(on_receive(empty), otherwise()), 1u);
    EXPECT_EQ(coro::select(otherwise(), on_receive(coro::Channel<int>())), 0u);
    EXPECT_EQ(coro::select(on_receive(empty), on_timeout(0ns)), 1u);
  });
}

TEST_P(SelectTest, WaitsForEachKindOfCase) {
  scheduler_.run([] {
    coro::Channel<int> in(0);
    coro::Channel<int> out(0);
    auto [context, cancel] = coro::with_cancel(coro::Context::background());
    const auto choose = [&, &context = context] {
      return coro::select(on_receive(in), on_send(out, 5), on_done(context), on_timeout(1h));
    };
    coro::go([in]() mutable { in.send(1); });
    EXPECT_EQ(choose(), 0u);
    coro::go([out]() mutable { EXPECT_EQ(out.receive(), 5); });
    EXPECT_EQ(choose(), 1u);
    coro::go([cancel = cancel] { cancel(); });
    EXPECT_EQ(choose(), 2u);
    EXPECT_EQ(coro::select(on_receive(in), on_timeout(1ms)), 1u);
    EXPECT_EQ(coro::select(on_timeout(1h), on_timeout(1ms)), 1u);
  });
  scheduler_.wait_empty();
}

TEST_P(SelectTest, ClosedChannels) {
  scheduler_.run([] {
    coro::Channel<int> channel(0);
    coro::Channel<int> other(0);
    coro::go([channel]() mutable { channel.close(); });
    bool empty = false;
    EXPECT_EQ(
        coro::select(
            on_receive(other),
            on_receive(channel, [&](std::optional<int> value) { empty = !value.has_value(); })),
        1u);
    EXPECT_TRUE(empty);
    EXPECT_THROW(coro::select(on_send(channel, 1)), coro::ChannelClosed);
    coro::go([other]() mutable { other.close(); });
    EXPECT_THROW(coro::select(on_send(other, 1), on_timeout(1h)), coro::ChannelClosed);
  });
  scheduler_.wait_empty();
}

// Two that select on the same two channels in both directions, and one select that
// sends and receives on one channel.
TEST_P(SelectTest, SelectsMeet) {
  constexpr int rounds = 2000;
  scheduler_.run([] {
    coro::Channel<int> a(0);
    coro::Channel<int> b(0);
    coro::WaitGroup group;
    std::array<std::array<int, 2>, 3> counts{};  // sent, received
    group.add(3);
    for (std::size_t who = 0; who < 3; ++who) {
      coro::go([&, who] {
        for (int i = 0; i < rounds; ++i) {
          const std::size_t chosen = coro::select(on_send(a, 1), on_receive(b), on_send(b, 2),
                                                  on_receive(a), on_timeout(1ms));
          if (chosen < 4) ++counts[who][chosen % 2];
        }
        group.done();
      });
    }
    group.wait();
    EXPECT_EQ(counts[0][0] + counts[1][0] + counts[2][0],
              counts[0][1] + counts[1][1] + counts[2][1]);
    EXPECT_GT(counts[0][0] + counts[0][1], 0);
  });
  scheduler_.wait_empty();
}

// Each of the ready cases is as likely: of 4000 choices among 4, fewer than 800 of
// one kind is 7 standard deviations away.
TEST(Select, IsFairAmongReadyCases) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    std::array<coro::Channel<int>, 4> channels;
    for (auto& channel : channels) channel = coro::Channel<int>(1);
    std::array<int, 4> chosen{};
    for (int i = 0; i < 4000; ++i) {
      for (auto& channel : channels) {
        int value = i;
        channel.try_send(value);
      }
      ++chosen[coro::select(on_receive(channels[0]), on_receive(channels[1]),
                            on_receive(channels[2]), on_receive(channels[3]))];
    }
    for (const int count : chosen) EXPECT_GT(count, 800);
  });
}

// Values from many senders over several channels: each arrives once, whoever wins.
TEST_P(SelectTest, NothingIsLostAndNothingTwice) {
  constexpr int senders = 8;
  constexpr int each = 500;
  scheduler_.run([] {
    std::array<coro::Channel<int>, 3> channels{coro::Channel<int>(0), coro::Channel<int>(1),
                                               coro::Channel<int>(5)};
    coro::Channel<bool> stop(0);
    std::vector<std::atomic<int>> seen(senders * each);
    coro::WaitGroup sending;
    coro::WaitGroup receiving;
    sending.add(senders);
    receiving.add(4);
    for (int s = 0; s < senders; ++s) {
      coro::go([&, s] {
        for (int i = 0; i < each; ++i) {
          const int value = s * each + i;
          while (coro::select(on_send(channels[0], value), on_send(channels[1], value),
                              on_send(channels[2], value), on_timeout(20us)) == 3) {
          }
        }
        sending.done();
      });
    }
    for (int r = 0; r < 4; ++r) {
      coro::go([&] {
        const auto take = [&](std::optional<int> value) {
          ++seen[static_cast<std::size_t>(*value)];
        };
        while (coro::select(on_receive(channels[0], take), on_receive(channels[1], take),
                            on_receive(channels[2], take), on_receive(stop)) != 3) {
        }
        receiving.done();
      });
    }
    sending.wait();
    while (channels[1].size() + channels[2].size() != 0) coro::yield();
    stop.close();
    receiving.wait();
    for (const auto& count : seen) EXPECT_EQ(count, 1);
    for (const auto& channel : channels) {
      const auto* object = static_cast<const coro_object*>(channel.object());
      EXPECT_EQ(object->waiting_senders, 0u);
      EXPECT_EQ(object->waiting_receivers, 0u);
    }
  });
  scheduler_.wait_empty();
}

coro::Task<void> answer_in_turn(coro::Channel<int> in, coro::Channel<int> out, coro::Context ctx) {
  for (;;) {
    std::optional<int> value;
    const auto keep = [&](std::optional<int> got) { value = got; };
    if (co_await coro::async_select(on_done(ctx), on_receive(in, keep)) == 0) co_return;
    co_await coro::async_select(on_send(out, *value + 1), on_timeout(1h));
  }
}

TEST_P(SelectTest, InTasks) {
  scheduler_.run([] {
    coro::Channel<int> in(0);
    coro::Channel<int> out(0);
    auto [context, cancel] = coro::with_cancel(coro::Context::background());
    coro::go(answer_in_turn(in, out, context));
    for (int i = 0; i < 100; ++i) {
      in.send(i);
      EXPECT_EQ(out.receive(), i + 1);
    }
    cancel();
  });
  scheduler_.wait_empty();
}

TEST(Select, ATaskThatIsLeftTakesItselfOffTheLists) {
  coro::Channel<int> in(0);
  coro::Channel<int> out(0);
  {
    coro::Scheduler scheduler({.workers = 1});
    scheduler.run([&] {
      coro::go(answer_in_turn(in, out, coro::Context::background()));
      coro::yield();
    });
  }
  EXPECT_EQ(static_cast<const coro_object*>(in.object())->waiting_receivers, 0u);
  int value = 1;
  EXPECT_FALSE(in.try_send(value));
}

TEST(Select, IsPublishedWhileItWaits) {
  coro::Scheduler scheduler({.workers = 1, .require_empty = true});
  scheduler.run([] {
    coro::Channel<int> a(0);
    coro::Channel<int> b(0);
    std::uint64_t id = 0;
    coro::WaitGroup group;
    group.add(1);
    coro::go([&] {
      id = coro::current_id();
      coro::select(on_receive(a), on_send(b, 1), on_timeout(1h));
      group.done();
    });
    coro::yield();
    const coro_header seen = read_header(*find_header(id)).value();
    EXPECT_EQ(seen.state, CORO_STATE_PARKED);
    EXPECT_EQ(seen.reason, CORO_REASON_SELECT);
    const auto* select = reinterpret_cast<const coro_select*>(seen.object);
    EXPECT_EQ(select->magic, CORO_SELECT_MAGIC);
    ASSERT_EQ(select->count, 2u);
    EXPECT_NE(select->deadline_ns, 0u);
    const auto* first = reinterpret_cast<const coro_select_case*>(select->cases);
    const auto* second = reinterpret_cast<const coro_select_case*>(select->cases + select->stride);
    EXPECT_EQ(first->object, reinterpret_cast<std::uint64_t>(a.object()));
    EXPECT_EQ(first->kind, CORO_SELECT_RECEIVE);
    EXPECT_EQ(second->object, reinterpret_cast<std::uint64_t>(b.object()));
    EXPECT_EQ(second->kind, CORO_SELECT_SEND);
    a.send(1);
    group.wait();
  });
  scheduler.wait_empty();
}

TEST(Select, WithoutCasesWaitsForEver) {
  coro::Scheduler scheduler({.workers = 1});
  std::uint64_t id = 0;
  scheduler.run([&id] {
    coro::go([&id] {
      id = coro::current_id();
      coro::select();
    });
    coro::yield();
    EXPECT_EQ(read_header(*find_header(id))->reason, CORO_REASON_SELECT_NO_CASES);
  });
  EXPECT_THROW(coro::select(), coro::UsageError);
}

// Whatever the order, of a sender, a canceller and a time-out exactly one wins, and
// a value that was not received is still with its sender.
TEST(Select, OneOfSeveralEventsWinsInEveryOrder) {
  coro::testing::for_each_seed(0, 500, [] {
    coro::Channel<int> channel(0);
    auto [context, cancel] = coro::with_cancel(coro::Context::background());
    bool sent = false;
    coro::go([&] { sent = coro::select(on_send(channel, 1), on_timeout(3ms)) == 0; });
    coro::go([&, cancel = cancel] {
      coro::sleep_for(1ms);
      cancel();
    });
    const std::size_t chosen = coro::select(on_receive(channel), on_done(context), on_timeout(1ms));
    coro::sleep_for(10ms);
    EXPECT_EQ(sent, chosen == 0);
  });
}

}  // namespace
