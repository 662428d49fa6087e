// SPDX-License-Identifier: Apache-2.0
// Channels under random operations, against a model.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "coro/coro.h"

namespace {

// One coroutine, non-blocking operations: a channel is a bounded queue.
TEST(ChannelModel, IsABoundedQueue) {
  coro::Scheduler scheduler({.workers = 1});
  scheduler.run([] {
    for (unsigned seed = 0; seed < 50; ++seed) {
      std::mt19937 random(seed);
      const std::size_t capacity = random() % 9;
      coro::Channel<unsigned> channel(capacity);
      std::deque<unsigned> model;
      for (int step = 0; step < 500; ++step) {
        if (random() % 2 == 0) {
          unsigned value = static_cast<unsigned>(random());
          const bool fits = model.size() < capacity;
          ASSERT_EQ(channel.try_send(value), fits) << "seed " << seed << " step " << step;
          if (fits) model.push_back(value);
        } else {
          const std::optional<unsigned> value = channel.try_receive();
          ASSERT_EQ(value.has_value(), !model.empty()) << "seed " << seed << " step " << step;
          if (value) {
            ASSERT_EQ(*value, model.front());
            model.pop_front();
          }
        }
        ASSERT_EQ(channel.size(), model.size());
      }
    }
  });
}

// Many producers and consumers: nothing is lost, doubled or, from one producer to
// one consumer, reordered.
struct Load {
  unsigned workers;
  std::size_t capacity;
  unsigned producers;
  unsigned consumers;
};

class ChannelLoad : public testing::TestWithParam<Load> {};

INSTANTIATE_TEST_SUITE_P(Loads, ChannelLoad,
                         testing::Values(Load{1, 0, 4, 4}, Load{2, 0, 8, 3}, Load{2, 7, 3, 8},
                                         Load{8, 1, 8, 8}, Load{8, 64, 16, 2}));

constexpr std::uint64_t values_each = 2000;

void consume(coro::Channel<std::uint64_t> channel, unsigned producers,
             std::atomic<std::uint64_t>& count, std::atomic<std::uint64_t>& sum) {
  std::vector<std::uint64_t> last(producers, 0);
  while (const std::optional<std::uint64_t> value = channel.receive()) {
    const std::uint64_t producer = *value / 1'000'000;
    const std::uint64_t number = *value % 1'000'000;
    EXPECT_GT(number, last.at(producer));
    last.at(producer) = number;
    ++count;
    sum += *value;
    if (number % 7 == 0) coro::yield();
  }
}

TEST_P(ChannelLoad, DeliversEverythingOnceAndInOrder) {
  const Load load = GetParam();
  coro::Scheduler scheduler({.workers = load.workers, .require_empty = true});
  std::atomic<std::uint64_t> count{0}, sum{0};
  scheduler.run([&] {
    coro::Channel<std::uint64_t> channel(load.capacity);
    coro::WaitGroup producing, consuming;
    for (unsigned c = 0; c < load.consumers; ++c) {
      consuming.add(1);
      coro::go([&, channel] {
        consume(channel, load.producers, count, sum);
        consuming.done();
      });
    }
    for (unsigned p = 0; p < load.producers; ++p) {
      producing.add(1);
      coro::go([&, channel, p]() mutable {
        for (std::uint64_t i = 1; i <= values_each; ++i) channel.send(p * 1'000'000ull + i);
        producing.done();
      });
    }
    producing.wait();
    channel.close();
    consuming.wait();
  });
  scheduler.wait_empty();
  const std::uint64_t p = load.producers;
  EXPECT_EQ(count, p * values_each);
  EXPECT_EQ(sum,
            p * (p - 1) / 2 * 1'000'000 * values_each + p * values_each * (values_each + 1) / 2);
}

// A ring of coroutines passes a token: every hop is a park and an unpark.
TEST(ChannelStress, TokenRing) {
  for (unsigned workers : {1u, 2u, 8u}) {
    coro::Scheduler scheduler({.workers = workers, .require_empty = true});
    const int hops = scheduler.run([] {
      constexpr std::size_t size = 50;
      std::vector<coro::Channel<int>> ring(size);
      for (auto& channel : ring) channel = coro::Channel<int>(0);
      for (std::size_t i = 0; i + 1 < size; ++i) {
        coro::go([in = ring[i], out = ring[i + 1]]() mutable {
          while (const std::optional<int> token = in.receive()) out.send(*token + 1);
          out.close();
        });
      }
      int token = 0;
      for (int round = 0; round < 200; ++round) {
        ring.front().send(token);
        token = ring.back().receive().value();
      }
      ring.front().close();
      EXPECT_EQ(ring.back().receive(), std::nullopt);
      return token;
    });
    EXPECT_EQ(hops, 49 * 200);
    scheduler.wait_empty();
  }
}

}  // namespace
