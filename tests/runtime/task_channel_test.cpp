// SPDX-License-Identifier: Apache-2.0
// Channels between fibers and tasks, in all combinations, against a model.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "coro/coro.h"

namespace {

using coro::Task;
using TaskNumbers = coro::Channel<std::uint64_t>;

struct Load {
  unsigned workers;
  std::size_t capacity;
  bool task_producers;
  bool task_consumers;
};

class TaskChannel : public testing::TestWithParam<Load> {};

std::vector<Load> loads() {
  std::vector<Load> all;
  for (unsigned workers : {0u, 1u, 2u, 8u}) {
    for (std::size_t capacity : {0u, 3u}) {
      for (bool producers : {false, true}) {
        for (bool consumers : {false, true}) {
          all.push_back({workers, capacity, producers, consumers});
        }
      }
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Loads, TaskChannel, testing::ValuesIn(loads()));

constexpr unsigned producers = 4;
constexpr unsigned consumers = 3;
constexpr std::uint64_t values_each = 500;

// What has arrived: everything once, and in order from one producer to one consumer.
struct Model {
  TaskNumbers channel;
  coro::WaitGroup producing, consuming;
  std::atomic<std::uint64_t> count{0}, sum{0};

  explicit Model(std::size_t capacity) : channel(capacity) {
    producing.add(producers);
    consuming.add(consumers);
  }

  void arrived(std::vector<std::uint64_t>& last, std::uint64_t value) {
    std::uint64_t& before = last.at(value / 1'000'000);
    EXPECT_GT(value, before);
    before = value;
    ++count;
    sum += value;
  }
};

Task<> produce_in_task(Model& model, unsigned number) {
  for (std::uint64_t i = 1; i <= values_each; ++i) {
    co_await model.channel.async_send(number * 1'000'000ull + i);
    if (i % 11 == number) co_await coro::async_yield();
  }
  model.producing.done();
}

Task<> consume_in_task(Model& model) {
  std::vector<std::uint64_t> last(producers, 0);
  while (const auto value = co_await model.channel.async_receive()) {
    model.arrived(last, *value);
    if (*value % 7 == 0) co_await coro::async_yield();
  }
  model.consuming.done();
}

void produce_in_fiber(Model& model, unsigned number) {
  for (std::uint64_t i = 1; i <= values_each; ++i) {
    model.channel.send(number * 1'000'000ull + i);
    if (i % 11 == number) coro::yield();
  }
  model.producing.done();
}

void consume_in_fiber(Model& model) {
  std::vector<std::uint64_t> last(producers, 0);
  while (const auto value = model.channel.receive()) {
    model.arrived(last, *value);
    if (*value % 7 == 0) coro::yield();
  }
  model.consuming.done();
}

TEST_P(TaskChannel, DeliversEverythingOnceAndInOrder) {
  const Load load = GetParam();
  coro::Scheduler scheduler({.workers = load.workers, .require_empty = true});
  Model model(load.capacity);
  scheduler.run([&]() -> Task<> {
    for (unsigned c = 0; c < consumers; ++c) {
      if (load.task_consumers) {
        coro::go(consume_in_task(model));
      } else {
        coro::go([&model] { consume_in_fiber(model); });
      }
    }
    for (unsigned p = 0; p < producers; ++p) {
      if (load.task_producers) {
        coro::go(produce_in_task(model, p));
      } else {
        coro::go([&model, p] { produce_in_fiber(model, p); });
      }
    }
    co_await model.producing.async_wait();
    model.channel.close();
    co_await model.consuming.async_wait();
  });
  scheduler.wait_empty();
  EXPECT_EQ(model.count, producers * values_each);
  EXPECT_EQ(model.sum, 6 * 1'000'000 * values_each + producers * values_each * 501 / 2);
}

class TaskChannelClose : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, TaskChannelClose, testing::Values(0u, 1u, 2u, 8u));

Task<> sender(coro::Channel<std::unique_ptr<int>> channel, std::atomic<int>& refused) {
  try {
    co_await channel.async_send(std::make_unique<int>(1));
  } catch (const coro::ChannelClosed&) {
    ++refused;
  }
}

Task<> receiver(coro::Channel<std::unique_ptr<int>> channel, std::atomic<int>& ended) {
  const auto value = co_await channel.async_receive();
  if (!value) ++ended;
}

TEST_P(TaskChannelClose, WakesWhoWaits) {
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  std::atomic<int> refused{0}, ended{0};
  coro::Channel<std::unique_ptr<int>> sending(0), receiving(0);
  for (int i = 0; i < 5; ++i) {
    scheduler.go(sender(sending, refused));
    scheduler.go(receiver(receiving, ended));
  }
  scheduler.run([] { coro::yield(); });
  sending.close();
  receiving.close();
  scheduler.wait_empty();
  EXPECT_EQ(refused, 5);
  EXPECT_EQ(ended, 5);
  scheduler.run(sender(sending, refused));
  EXPECT_EQ(refused, 6);
}

}  // namespace
