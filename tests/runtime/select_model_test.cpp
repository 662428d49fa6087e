// SPDX-License-Identifier: Apache-2.0
// Selects under random load: what is sent is received exactly once, and nobody is
// left in a list.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <vector>

#include "coro/coro.h"
#include "park.h"
#include "scheduler_core.h"

namespace {

using coro::Channel;
using Value = std::uint64_t;

// What was sent and received, by value: each is sent at most once.
class Ledger {
  using Marks = std::vector<std::atomic<std::uint8_t>>;

 public:
  Value next() { return next_.fetch_add(1); }
  void sent(Value value) { note(sent_, value); }
  void received(Value value) { note(received_, value); }
  [[nodiscard]] std::uint64_t count() const { return received_count_; }
  void check() const {
    std::size_t sent = 0;
    for (Value value = 0; value < most; ++value) {
      ASSERT_EQ(sent_[value], received_[value]) << "value " << value;
      ASSERT_LE(sent_[value], 1);
      sent += sent_[value];
    }
    EXPECT_GT(sent, 0u);
  }
  static constexpr Value most = 40'000;

 private:
  void note(Marks& where, Value value) {
    ++where.at(value);
    if (&where == &received_) ++received_count_;
  }
  Marks sent_ = Marks(most);
  Marks received_ = Marks(most);
  std::atomic<Value> next_{0};
  std::atomic<std::uint64_t> received_count_{0};
};

using Channels = std::vector<Channel<Value>>;

Channels make_channels(std::mt19937& random) {
  Channels channels;
  for (int i = 0; i < 5; ++i) channels.emplace_back(random() % 3);
  return channels;
}

// Selects of random cases until `stop` ends; a quarter are plain operations.
class Actor {
 public:
  Actor(unsigned seed, Channels channels, coro::Context stop, Ledger& ledger)
      : random_(seed), channels_(std::move(channels)), stop_(std::move(stop)), ledger_(ledger) {}

  void run() {
    while (!stop_.done()) {
      switch (random_() % 4) {
        case 0:
          select_typed();
          break;
        case 1:
          try_one();
          break;
        default:
          select_many();
      }
      if (random_() % 8 == 0) coro::yield();
    }
  }

 private:
  Channel<Value>& any() { return channels_[random_() % channels_.size()]; }

  void select_typed() {
    const Value value = ledger_.next();
    if (value >= Ledger::most) return exhausted();
    const auto take = [&](std::optional<Value> got) { ledger_.received(got.value()); };
    coro::select(coro::on_receive(any(), take),
                 coro::on_send(any(), value, [&] { ledger_.sent(value); }),
                 coro::on_receive(any(), take), coro::on_done(stop_),
                 coro::on_timeout(std::chrono::microseconds(random_() % 200)));
  }

  void try_one() {
    if (random_() % 2 == 0) {
      if (const auto got = any().try_receive()) ledger_.received(*got);
      return;
    }
    Value value = ledger_.next();
    if (value >= Ledger::most) return exhausted();
    if (any().try_send(value)) ledger_.sent(value);
  }

  void select_many() {
    const std::size_t count = 1 + random_() % 12;
    std::vector<std::optional<Value>> got(count);
    std::vector<Value> values(count, Ledger::most);
    std::vector<coro::SelectCase> cases;
    for (std::size_t i = 0; i < count; ++i) {
      if (random_() % 2 == 0) {
        cases.push_back(coro::SelectCase::receive(any(), got[i]));
        continue;
      }
      values[i] = ledger_.next();
      if (values[i] >= Ledger::most) return exhausted();
      cases.push_back(coro::SelectCase::send(any(), values[i]));
    }
    cases.push_back(coro::SelectCase::done(stop_));
    const std::optional<std::size_t> place =
        random_() % 3 == 0 ? coro::try_select(cases)
                           : coro::select_for(cases, std::chrono::microseconds(random_() % 300));
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(got[i].has_value(), got[i] && place == i);
    if (!place || *place == count) return;
    if (values[*place] != Ledger::most) {
      ledger_.sent(values[*place]);
    } else {
      ledger_.received(got[*place].value());
    }
  }

  void exhausted() { stop_.wait(); }

  std::mt19937 random_;
  Channels channels_;
  coro::Context stop_;
  Ledger& ledger_;
};

void expect_nobody_waits(const Channels& channels) {
  for (const auto& channel : channels) {
    const auto& object = *static_cast<const coro_object*>(channel.object());
    EXPECT_EQ(object.waiting_senders, 0u);
    EXPECT_EQ(object.waiting_receivers, 0u);
  }
}

class SelectLoad : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Workers, SelectLoad, testing::Values(0u, 1u, 2u, 8u));

TEST_P(SelectLoad, DeliversEverythingOnce) {
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  for (unsigned seed = 0; seed < 4; ++seed) {
    Ledger ledger;
    scheduler.run([&] {
      std::mt19937 random(seed);
      Channels channels = make_channels(random);
      const auto [stop, cancel] = coro::with_cancel({});
      coro::WaitGroup group;
      for (unsigned i = 0; i < 12; ++i) {
        group.add(1);
        coro::go([&, stop = stop, actor_seed = seed * 100 + i] {
          Actor(actor_seed, channels, stop, ledger).run();
          group.done();
        });
      }
      while (ledger.count() < 2000) coro::sleep_for(std::chrono::microseconds(100));
      cancel();
      group.wait();
      for (auto& channel : channels) {
        while (const auto left = channel.try_receive()) ledger.received(*left);
      }
      expect_nobody_waits(channels);
      EXPECT_EQ(coro::detail::current_coroutine()->scheduler->timers().size(), 0u);
    });
    ledger.check();
  }
  scheduler.wait_empty();
}

// Channels are closed one by one while selects send and receive: a send that threw
// has not sent.
TEST_P(SelectLoad, ClosingWakesAllAndLosesNothing) {
  coro::Scheduler scheduler({.workers = GetParam(), .require_empty = true});
  for (unsigned seed = 0; seed < 10; ++seed) {
    Ledger ledger;
    scheduler.run([&] {
      std::mt19937 random(seed);
      Channels channels = make_channels(random);
      coro::WaitGroup group;
      for (unsigned i = 0; i < 10; ++i) {
        group.add(1);
        coro::go([&, i, a = channels[i % 5], b = channels[(i + 1) % 5]] {
          for (bool open = true; open;) {
            const Value value = ledger.next();
            if (value >= Ledger::most) break;
            try {
              coro::select(coro::on_receive(a,
                                            [&](std::optional<Value> got) {
                                              got ? ledger.received(*got) : void(open = false);
                                            }),
                           coro::on_send(b, value, [&] { ledger.sent(value); }));
            } catch (const coro::ChannelClosed&) {
              open = false;
            }
            if (i % 3 == 0) coro::yield();
          }
          group.done();
        });
      }
      for (auto& channel : channels) {
        for (int i = 0; i < 100; ++i) coro::yield();
        channel.close();
      }
      group.wait();
      for (auto& channel : channels) {
        while (const auto left = channel.try_receive()) ledger.received(*left);
      }
      expect_nobody_waits(channels);
    });
    ledger.check();
  }
  scheduler.wait_empty();
}

// In the orders that seeds bring, on virtual time: each seed is one interleaving.
TEST(SelectSeeds, DeliversEverythingOnce) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    coro::Scheduler scheduler({.require_empty = true, .deterministic = coro::Deterministic{seed}});
    Ledger ledger;
    scheduler.run([&] {
      std::mt19937 random(seed);
      Channels channels = make_channels(random);
      const auto [stop, cancel] = coro::with_timeout({}, std::chrono::milliseconds(1));
      coro::WaitGroup group;
      for (unsigned i = 0; i < 4; ++i) {
        group.add(1);
        coro::go([&, stop = stop, actor_seed = seed * 100 + i] {
          Actor(actor_seed, channels, stop, ledger).run();
          group.done();
        });
      }
      while (ledger.count() < 100 && !stop.done()) coro::sleep_for(std::chrono::microseconds(1));
      cancel();
      group.wait();
      for (auto& channel : channels) {
        while (const auto left = channel.try_receive()) ledger.received(*left);
      }
      expect_nobody_waits(channels);
    });
    ledger.check();
  }
}

}  // namespace
